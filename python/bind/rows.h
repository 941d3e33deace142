// What Python code sees of gradients with rows: Note [Rows].
#pragma once

#include "autograd/rows.h"
#include "convert.h"
#include "tensor_type.h"

namespace wg::py {

// By the methods of an object: `size`, `show(gradient)`, `hide(what was made)`; see _batching/derivatives.py.
class PyRows final : public RowView {
public:
    explicit PyRows(PyObject* view)
        : RowView(Convert<int64_t>::get(check(PyObject_GetAttrString(view, "size")).get())),
          view_(view) {}
    Tensor shown(const Tensor& gradient) const override { return call("show", gradient); }
    Tensor hidden(const Tensor& made) const override { return call("hide", made); }

private:
    Tensor call(const char* method, const Tensor& t) const {
        const Object name = check(PyUnicode_FromString(method));
        const Object arg = check(wrap_or_none(t));
        const Object result = check(PyObject_CallMethodOneArg(view_, name.get(), arg.get()));
        if (!is_tensor(result.get())) fail_type("rows are shown as tensors");
        return tensor_of(result.get());
    }
    PyObject* view_;
};

}  // namespace wg::py
