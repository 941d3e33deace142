// Overloads that PyTorch keeps for old programs: numbers among the operands, by position.
// They are rows of structural.def with the form DEPRECATED, and the binding warns of them.
#pragma once

#include "ops/functions.h"

namespace wg::old {

// x.add(alpha, other), x.addcmul(value, a, b)
template <Op op>
RowChoice scaled(const Tensor& self, Scalar factor, const Tensor& other) {
    const bool one = factor.to_double() == 1;
    constexpr Op plain = op == Op::add_scaled ? Op::add : Op::sub;
    return {one ? plain : op, {self, other}, alpha_params(factor)};
}
template <Op op>
RowChoice fused(const Tensor& self, Scalar value, const Tensor& a, const Tensor& b) {
    return {op, {self, a, b}, {{value.to_double()}}};
}

// x.addmm(beta, a, b), x.addmm(beta, alpha, a, b), and the functions, where self comes second.
using Product = Tensor (*)(const Tensor&, const Tensor&, const Tensor&, Scalar, Scalar);
template <Product F>
Tensor method(const Tensor& self, Scalar beta, const Tensor& a, const Tensor& b) {
    return F(self, a, b, beta, 1);
}
template <Product F>
Tensor method_alpha(const Tensor& self, Scalar beta, Scalar alpha, const Tensor& a,
                    const Tensor& b) {
    return F(self, a, b, beta, alpha);
}
template <Product F>
Tensor function(Scalar beta, const Tensor& self, const Tensor& a, const Tensor& b) {
    return F(self, a, b, beta, 1);
}
template <Product F>
Tensor function_alpha(Scalar beta, const Tensor& self, Scalar alpha, const Tensor& a,
                      const Tensor& b) {
    return F(self, a, b, beta, alpha);
}

using ProductInPlace = Tensor& (*)(Tensor&, const Tensor&, const Tensor&, Scalar, Scalar);
template <ProductInPlace F>
Tensor& in_place(Tensor& self, Scalar beta, const Tensor& a, const Tensor& b) {
    return F(self, a, b, beta, 1);
}
template <ProductInPlace F>
Tensor& in_place_alpha(Tensor& self, Scalar beta, Scalar alpha, const Tensor& a, const Tensor& b) {
    return F(self, a, b, beta, alpha);
}

}  // namespace wg::old
