#include "tensor/dtype.h"

#include <string>

namespace wg {
namespace {

struct Names {
    DTypeInfo rows[kNumDTypes];
    std::string scalar_names[kNumDTypes];

    Names() {
        int i = 0;
#define WG_ROW(E, T, name, legacy, cat) \
    rows[i++] = {#name, #legacy, nullptr, sizeof(T), Category::cat};
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

DType default_dtype() noexcept { return default_dtype_; }

void set_default_dtype(DType dtype) {
    WG_CHECK_TYPE(is_floating(dtype), "only floating-point types are supported as the default type");
    default_dtype_ = dtype;
}

}  // namespace wg
