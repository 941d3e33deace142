// Which elementwise operations there are, without their formulas (ops/row.h), which few files need.
#pragma once

#include <cstdint>

namespace wg {

enum class Op : uint16_t {
#define WG_UNARY_P(name, ...) name,
#define WG_BINARY_P(name, ...) name,
#define WG_TERNARY_P(name, ...) name,
#define WG_TEST(name, ...) name,
#define WG_COMPARE(name, ...) name,
#include "ops/elementwise.def"
    count
};
inline constexpr int kNumOps = int(Op::count);

// Those with a C: complex as well.
enum class DTypes : uint8_t {
    FLOATS,
    FLOATS_ONLY,
    NUMBERS,
    ALL,
    INTEGRAL,
    INTEGERS,
    ROUNDING,
    FLOATS_C = 8,
    FLOATS_ONLY_C,
    NUMBERS_C,
    ALL_C,
    ROUNDING_C = 8 + ROUNDING
};
constexpr bool has_complex(DTypes c) { return unsigned(c) >= 8; }
constexpr DTypes without_complex(DTypes c) { return DTypes(unsigned(c) & 7); }

constexpr bool has_bool(DTypes c) { return c == DTypes::ALL || c == DTypes::INTEGRAL; }
constexpr bool has_integers(DTypes c) {
    return c == DTypes::NUMBERS || c == DTypes::INTEGERS || has_bool(c);
}
constexpr bool has_floats(DTypes c) { return c != DTypes::INTEGRAL && c != DTypes::INTEGERS; }

// True for Tensor, whose versions of what formulas call are operations: see ops/elementwise.h.
template <class T>
inline constexpr bool is_tensor = false;

}  // namespace wg
