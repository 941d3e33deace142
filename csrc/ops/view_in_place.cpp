// Views in place: a tensor takes another shape, with history. Its base and other views do not change.
#include "autograd/record.h"
#include "ops/functions.h"

namespace wg {

Tensor& t_(Tensor& self) {
    return view_in_place(self, "TBackward1", [](const Tensor& x) {
        WG_CHECK(x.dim() <= 2, "t_() expects a tensor with <= 2 dimensions, but self is ", x.dim(),
                 "D");
        return t(x);
    });
}
Tensor& transpose_(Tensor& self, int64_t dim0, int64_t dim1) {
    return view_in_place(self, "TransposeBackward1",
                         [&](const Tensor& x) { return transpose(x, dim0, dim1); });
}
Tensor& squeeze_(Tensor& self) {
    return view_in_place(self, "SqueezeBackward3", [](const Tensor& x) { return squeeze(x); });
}
Tensor& squeeze_dim_(Tensor& self, int64_t dim) {
    return view_in_place(self, "SqueezeBackward4",
                         [&](const Tensor& x) { return squeeze_dim(x, dim); });
}
Tensor& squeeze_dims_(Tensor& self, const Dims& dims) {
    return view_in_place(self, "SqueezeBackward5",
                         [&](const Tensor& x) { return squeeze_dims(x, dims); });
}
Tensor& unsqueeze_(Tensor& self, int64_t dim) {
    return view_in_place(self, "UnsqueezeBackward1",
                         [&](const Tensor& x) { return unsqueeze(x, dim); });
}
Tensor& as_strided_(Tensor& self, const Dims& sizes, const Dims& strides, OptInt offset) {
    return view_in_place(self, "AsStridedBackward1",
                         [&](const Tensor& x) { return as_strided(x, sizes, strides, offset); });
}

}  // namespace wg
