// Questions about tensors and dtypes, and comparisons of whole tensors.
#include "autograd/record.h"
#include "ops/functions.h"

namespace wg {

bool is_floating_point(const Tensor& t) { return is_floating(t.dtype()); }
bool is_complex(const Tensor& t) { return is_complex(t.dtype()); }
bool is_inference(const Tensor& t) { return t->inference; }
bool is_signed(const Tensor& t) { return t.dtype() != DType::UInt8 && t.dtype() != DType::Bool; }
int64_t numel(const Tensor& t) { return t.numel(); }
int64_t get_device(const Tensor&) { return -1; }
bool is_distributed(const Tensor&) { return false; }

namespace {
void warn_of_device(const char* method, int line) {
    warn(WarningKind::Deprecation,
         str("The argument 'device' of Tensor.", method,
             "() is deprecated. Please do not pass this argument. (Triggered internally at "
             "/__w/pytorch/pytorch/aten/src/ATen/native/Memory.cpp:",
             line, ".)"));
}
}  // namespace

bool is_pinned(const Tensor&, std::optional<Device> device) {
    if (device) warn_of_device("is_pinned", 31);
    return false;
}
Tensor pin_memory(const Tensor& t, std::optional<Device> device) {
    if (device) warn_of_device("pin_memory", 46);
    is_pinned(t, device);
    WG_CHECK(device, "Cannot access accelerator device when none is available.");
    WG_CHECK(device->type != DeviceType::CPU, "CPU device type not an accelerator.");
    fail(
        ErrorKind::Runtime,
        "Cannot initialize CUDA without ATen_cuda library. PyTorch splits its backend into two shared libraries: a CPU "
        "library and a CUDA library; this error has occurred because you are trying to use some CUDA functionality, but "
        "the CUDA library has not been loaded by the dynamic linker for some reason.  The CUDA library MUST be loaded, "
        "EVEN IF you don't directly use any symbols from the CUDA library! One common culprit is a lack of "
        "-Wl,--no-as-needed in your link arguments; many dynamic linkers will delete dynamic library dependencies if you "
        "don't depend on any of their symbols.  You can check if this has occurred by using ldd on your binary to see if "
        "there is a dependency on *_cuda.so library.");
}

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
