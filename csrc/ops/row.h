// What a row of elementwise.def is to the compiler: `row_NAME` with its formulas as templates.
// forward(a, b, c, p0, p1, p2) and gradient<i>(g, a, b, c, y, p0, p1, p2); unary rows call a `x`.
#pragma once

#include "ops/formulas.h"
#include "ops/op.h"

namespace wg {
inline namespace WG_ISA {

// Slopes as functions, which the formulas of other rows call: over tensors, the operations of that name.
#define WG_SLOPE(name, parameters, node, fwd, ga, gb, lo, hi, dtypes)                     \
    template <Numbers T, class P0 = double, class P1 = double, class P2 = double>         \
    constexpr WG_INLINE T name(const T& a, const T& b, [[maybe_unused]] const P0& p0 = 0, \
                               [[maybe_unused]] const P1& p1 = 0,                         \
                               [[maybe_unused]] const P2& p2 = 0) {                       \
        return fwd;                                                                       \
    }
#include "ops/elementwise.def"

#define WG_ROW_HEAD(op_name, n_operands, class_of_dtypes)                      \
    static constexpr Op op = Op::op_name;                                      \
    static constexpr const char* name = #op_name;                              \
    static constexpr int arity = n_operands;                                   \
    static constexpr DTypes dtypes = without_complex(DTypes::class_of_dtypes); \
    static constexpr bool is_complex = has_complex(DTypes::class_of_dtypes);   \
    static constexpr bool complex_parameter = is_complex && op != Op::nan_replaced;
#define WG_FORWARD_ARGS                                                                    \
    [[maybe_unused]] const T &a, [[maybe_unused]] const T &b, [[maybe_unused]] const T &c, \
        [[maybe_unused]] const P &p0, [[maybe_unused]] const P &p1, [[maybe_unused]] const P &p2
#define WG_GRADIENT_ARGS                                                                        \
    [[maybe_unused]] const T &g, [[maybe_unused]] const T &a, [[maybe_unused]] const T &b,      \
        [[maybe_unused]] const T &c, [[maybe_unused]] const T &y, [[maybe_unused]] const P &p0, \
        [[maybe_unused]] const P &p1, [[maybe_unused]] const P &p2

#define WG_UNARY_P(name, forms, parameters, node, fwd, grad, lo, hi, dtypes) \
    struct row_##name {                                                      \
        WG_ROW_HEAD(name, 1, dtypes)                                         \
        static constexpr bool is_test = false;                               \
        template <class T, class P>                                          \
        static constexpr WG_INLINE auto forward(WG_FORWARD_ARGS) {           \
            [[maybe_unused]] const T& x = a;                                 \
            return fwd;                                                      \
        }                                                                    \
        template <int I, class T, class P>                                   \
        static constexpr WG_INLINE auto gradient(WG_GRADIENT_ARGS) {         \
            [[maybe_unused]] const T& x = a;                                 \
            return grad;                                                     \
        }                                                                    \
    };
#define WG_BINARY_P(name, forms, parameters, node, fwd, ga, gb, lo, hi, dtypes) \
    struct row_##name {                                                         \
        WG_ROW_HEAD(name, 2, dtypes)                                            \
        static constexpr bool is_test = false;                                  \
        template <class T, class P>                                             \
        static constexpr WG_INLINE auto forward(WG_FORWARD_ARGS) {              \
            return fwd;                                                         \
        }                                                                       \
        template <int I, class T, class P>                                      \
        static constexpr WG_INLINE auto gradient(WG_GRADIENT_ARGS) {            \
            if constexpr (I == 0) return ga;                                    \
            else return gb;                                                     \
        }                                                                       \
    };
#define WG_TERNARY_P(name, forms, parameters, node, fwd, ga, gb, gc, lo, hi, dtypes) \
    struct row_##name {                                                              \
        WG_ROW_HEAD(name, 3, dtypes)                                                 \
        static constexpr bool is_test = false;                                       \
        template <class T, class P>                                                  \
        static constexpr WG_INLINE auto forward(WG_FORWARD_ARGS) {                   \
            return fwd;                                                              \
        }                                                                            \
        template <int I, class T, class P>                                           \
        static constexpr WG_INLINE auto gradient(WG_GRADIENT_ARGS) {                 \
            if constexpr (I == 0) return ga;                                         \
            else if constexpr (I == 1) return gb;                                    \
            else return gc;                                                          \
        }                                                                            \
    };
#define WG_TEST(name, forms, fwd, dtypes)                          \
    struct row_##name {                                            \
        WG_ROW_HEAD(name, 1, dtypes)                               \
        static constexpr bool is_test = true;                      \
        template <class T, class P>                                \
        static constexpr WG_INLINE auto forward(WG_FORWARD_ARGS) { \
            [[maybe_unused]] const T& x = a;                       \
            return fwd;                                            \
        }                                                          \
    };
#define WG_COMPARE(name, forms, node, fwd, dtypes)                 \
    struct row_##name {                                            \
        WG_ROW_HEAD(name, 2, dtypes)                               \
        static constexpr bool is_test = true;                      \
        template <class T, class P>                                \
        static constexpr WG_INLINE auto forward(WG_FORWARD_ARGS) { \
            return fwd;                                            \
        }                                                          \
    };
#include "ops/elementwise.def"
#undef WG_ROW_HEAD

}  // namespace WG_ISA
}  // namespace wg
