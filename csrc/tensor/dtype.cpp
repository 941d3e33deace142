#include "tensor/dtype.h"

#include <string>

namespace wg {
namespace {

template <class T>
const char* c_name() {
    if constexpr (std::is_same_v<T, uint8_t>) return "unsigned char";
    else if constexpr (std::is_same_v<T, int8_t>) return "signed char";
    else if constexpr (std::is_same_v<T, int16_t>) return "short int";
    else if constexpr (std::is_same_v<T, int32_t>) return "int";
    else if constexpr (std::is_same_v<T, int64_t>) return "long int";
    else if constexpr (std::is_same_v<T, Half>) return "c10::Half";
    else if constexpr (std::is_same_v<T, BFloat16>) return "c10::BFloat16";
    else if constexpr (std::is_same_v<T, float>) return "float";
    else if constexpr (std::is_same_v<T, double>) return "double";
    else if constexpr (std::is_same_v<T, Complex<float>>) return "c10::complex<float>";
    else if constexpr (std::is_same_v<T, Complex<double>>) return "c10::complex<double>";
    else return "bool";
}

struct Names {
    DTypeInfo rows[kNumDTypes];
    std::string scalar_names[kNumDTypes];

    Names() {
        int i = 0;
#define WG_ROW(E, T, name, legacy, cat) \
    rows[i++] = {#name, #legacy, nullptr, c_name<T>(), sizeof(T), Category::cat};
        WG_DTYPES(WG_ROW)
#undef WG_ROW
        for (i = 0; i < kNumDTypes; ++i) {
            std::string legacy = rows[i].legacy_name;
            scalar_names[i] = legacy.substr(0, legacy.size() - 6);  // without "Tensor"
            rows[i].scalar_name = scalar_names[i].c_str();
        }
    }
};

DType default_dtype_ = DType::Float32;

}  // namespace

const DTypeInfo& info(DType dtype) noexcept {
    static const Names names;
    return names.rows[size_t(dtype)];
}

std::string tensor_type_name(DType dtype) {
    // PyTorch has no legacy tensor type for these.
    if (dtype == DType::Bool || dtype == DType::BFloat16 || is_complex(dtype))
        return std::string("CPU") + info(dtype).scalar_name + "Type";
    return std::string("torch.") + info(dtype).legacy_name;
}

DType to_complex(DType d) {
    switch (d) {
    case DType::Float64:
    case DType::Complex128: return DType::Complex128;
    case DType::Float16:
        fail(ErrorKind::NotImplemented, "the dtype complex32 (ComplexHalf) is not supported");
    default: return DType::Complex64;
    }
}

void fail_complex(DType dtype, const char* kernel) {
    fail(ErrorKind::NotImplemented, str(kernel ? str("\"", kernel, "\"") : "the operation is",
                                        " not implemented for '", info(dtype).scalar_name, "'"));
}

DType default_dtype() noexcept { return default_dtype_; }

void set_default_dtype(DType dtype) {
    WG_CHECK_TYPE(is_floating(dtype),
                  "only floating-point types are supported as the default type");
    default_dtype_ = dtype;
}

}  // namespace wg
