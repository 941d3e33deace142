// Questions about tensors and dtypes, and comparisons of whole tensors.
#include "autograd/record.h"
#include "ops/functions.h"

namespace wg {

bool is_floating_point(const Tensor& t) { return is_floating(t.dtype()); }
bool is_complex(const Tensor& t) { return is_complex(t.dtype()); }
bool is_inference(const Tensor& t) { return t->inference; }
bool is_signed(const Tensor& t) { return t.dtype() != DType::UInt8 && t.dtype() != DType::Bool; }
int64_t numel(const Tensor& t) { return t.numel(); }

bool is_nonzero(const Tensor& t) {
    WG_CHECK(t.numel() != 0, "Boolean value of Tensor with no values is ambiguous");
    WG_CHECK(t.numel() == 1, "Boolean value of Tensor with more than one value is ambiguous");
    return is_complex(t.dtype()) ? complex_item(t) != 0 : t.to_double() != 0;
}

bool equal(const Tensor& a, const Tensor& b) {
    if (!same_shape(a.sizes(), b.sizes())) return false;
    Unrecorded off;
    return all(eq(a, b)).to_int() != 0;
}

Tensor isclose(const Tensor& input, const Tensor& other, double rtol, double atol, bool equal_nan) {
    WG_CHECK(input.dtype() == other.dtype(), info(input.dtype()).scalar_name, " did not match ",
             info(other.dtype()).scalar_name);
    WG_CHECK(rtol >= 0, "rtol must be greater than or equal to zero, but got ", rtol);
    WG_CHECK(atol >= 0, "atol must be greater than or equal to zero, but got ", atol);
    Unrecorded off;
    Tensor close = eq(input, other);
    if (equal_nan && is_differentiable(input.dtype()))
        close = logical_or(close, logical_and(isnan(input), isnan(other)));
    if (rtol == 0 && atol == 0) return close;
    const DType exact = is_differentiable(input.dtype()) ? input.dtype() : default_dtype();
    const Tensor a = to_dtype(input, exact), b = to_dtype(other, exact);
    const Tensor allowed = abs(mul(b, Scalar(rtol))) + atol, distance = abs(sub(a, b));
    return logical_or(close, logical_and(isfinite(distance), le(distance, allowed)));
}

bool allclose(const Tensor& input, const Tensor& other, double rtol, double atol, bool equal_nan) {
    return all(isclose(input, other, rtol, atol, equal_nan)).to_int() != 0;
}

DType result_type_of(const Tensor& a, const Tensor& b) {
    const Arg args[] = {a, b};
    return result_type(args);
}
DType result_type_nt(Scalar a, const Tensor& b) {
    const Arg args[] = {b, a};
    return result_type(args);
}
DType result_type_tn(const Tensor& a, Scalar b) {
    const Arg args[] = {a, b};
    return result_type(args);
}
DType result_type_nn(Scalar a, Scalar b) {
    const Arg args[] = {a, b};
    return result_type(args);
}

}  // namespace wg
