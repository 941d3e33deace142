// Element types. WG_DTYPES is the only list of them: everything that needs one row per dtype expands it, or a part
// of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>

#include "base/error.h"
#include "scalar/complex.h"
#include "scalar/half.h"

namespace wg {

//        enumerator  C++ type  name        legacy tensor type  category
// clang-format off
#define WG_REAL_NUMBERS(_)                                       \
    _(UInt8,    uint8_t,  uint8,    ByteTensor,     Integral)    \
    _(Int8,     int8_t,   int8,     CharTensor,     Integral)    \
    _(Int16,    int16_t,  int16,    ShortTensor,    Integral)    \
    _(Int32,    int32_t,  int32,    IntTensor,      Integral)    \
    _(Int64,    int64_t,  int64,    LongTensor,     Integral)    \
    _(Float16,  Half,     float16,  HalfTensor,     Floating)    \
    _(BFloat16, BFloat16, bfloat16, BFloat16Tensor, Floating)    \
    _(Float32,  float,    float32,  FloatTensor,    Floating)    \
    _(Float64,  double,   float64,  DoubleTensor,   Floating)
#define WG_COMPLEX_DTYPES(_)                                                     \
    _(Complex64,  Complex<float>,  complex64,  ComplexFloatTensor,  Complex)     \
    _(Complex128, Complex<double>, complex128, ComplexDoubleTensor, Complex)
#define WG_BOOL_DTYPE(_)                                         \
    _(Bool,     bool,     bool,     BoolTensor,     Boolean)
#define WG_DTYPES(_) WG_REAL_NUMBERS(_) WG_COMPLEX_DTYPES(_) WG_BOOL_DTYPE(_)
// What kernels that know nothing of complex numbers are made for.
#define WG_REAL_DTYPES(_) WG_REAL_NUMBERS(_) WG_BOOL_DTYPE(_)
// clang-format on

enum class DType : uint8_t {
#define WG_ROW(E, T, name, legacy, cat) E,
    WG_DTYPES(WG_ROW)
#undef WG_ROW
};

#define WG_ROW(...) +1
inline constexpr int kNumDTypes = 0 WG_DTYPES(WG_ROW);
#undef WG_ROW

enum class Category : uint8_t { Boolean, Integral, Floating, Complex };

struct DTypeInfo {
    const char* name;  // "float32"
    const char* legacy_name;  // "FloatTensor"
    const char* scalar_name;  // "Float"
    const char* c_name;  // "long int", as some messages print it
    uint8_t itemsize;
    Category category;
};
const DTypeInfo& info(DType dtype) noexcept;
// The type of a tensor as some messages print it: "torch.FloatTensor", "CPUBoolType".
std::string tensor_type_name(DType dtype);

inline constexpr uint8_t kItemSizes[] = {
#define WG_ROW(E, T, name, legacy, cat) sizeof(T),
    WG_DTYPES(WG_ROW)
#undef WG_ROW
};
inline constexpr Category kCategories[] = {
#define WG_ROW(E, T, name, legacy, cat) Category::cat,
    WG_DTYPES(WG_ROW)
#undef WG_ROW
};

inline size_t item_size(DType d) noexcept { return kItemSizes[size_t(d)]; }
inline Category category(DType d) noexcept { return kCategories[size_t(d)]; }
inline bool is_floating(DType d) noexcept { return category(d) == Category::Floating; }
inline bool is_integral(DType d) noexcept { return category(d) == Category::Integral; }
inline bool is_complex(DType d) noexcept { return category(d) == Category::Complex; }
// What has gradients: floating point and complex.
inline bool is_differentiable(DType d) noexcept { return category(d) >= Category::Floating; }
// The dtype of the parts of a complex one; others as they are.
inline DType to_real(DType d) noexcept {
    return d == DType::Complex64 ? DType::Float32 : d == DType::Complex128 ? DType::Float64 : d;
}
// The complex dtype whose parts have the dtype, or float32 for bfloat16, integers and bool.
DType to_complex(DType d);

template <class T>
struct TypeTag {
    using type = T;
};

// The DType of a C++ element type.
template <class T>
inline constexpr DType dtype_of = [] {
#define WG_ROW(E, C, name, legacy, cat)                  \
    if constexpr (std::is_same_v<T, C>) return DType::E; \
    else
    WG_DTYPES(WG_ROW)
#undef WG_ROW
    static_assert(sizeof(T) == 0, "not an element type");
}();

// NotImplementedError: "kernel" not implemented for 'ComplexFloat'.
[[noreturn]] void fail_complex(DType dtype, const char* kernel = nullptr);
inline void check_real(DType dtype, const char* kernel) {
    if (is_complex(dtype)) [[unlikely]]
        fail_complex(dtype, kernel);
}

// Calls f(TypeTag<T>{}) with the C++ type of `dtype`, which is not complex: an error if it is.
template <class F>
decltype(auto) visit_dtype(DType dtype, F&& f) {
    switch (dtype) {
#define WG_ROW(E, T, name, legacy, cat) \
    case DType::E: return f(TypeTag<T>{});
        WG_REAL_DTYPES(WG_ROW)
#undef WG_ROW
    default: fail_complex(dtype);
    }
}

// The same with complex types, for complex dtypes alone and for all.
template <class F>
decltype(auto) visit_complex(DType dtype, F&& f) {
    return dtype == DType::Complex64 ? f(TypeTag<Complex<float>>{}) : f(TypeTag<Complex<double>>{});
}
template <class F>
decltype(auto) visit_any_dtype(DType dtype, F&& f) {
    return is_complex(dtype) ? visit_complex(dtype, f) : visit_dtype(dtype, f);
}

// The dtype of floating-point literals and of float results of integer operands.
DType default_dtype() noexcept;
void set_default_dtype(DType dtype);

// The type used to accumulate and to compute in: float for the half types, else the type itself.
template <class T>
using compute_type =
    std::conditional_t<std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>, float, T>;

inline constexpr size_t kMaxItemSize = 16;

}  // namespace wg
