// Recording an operation whose saved tensors include a list of index tensors.
#pragma once

#include "autograd/record.h"
#include "ops/functions.h"

namespace wg {

using SaveList = SmallVector<Save, 4>;

inline SaveList save_indices(const TensorList& indices) {
    SaveList saves;
    for (const Tensor& i : indices) saves.push_back(save("indices[]", i));
    return saves;
}
inline TensorList saved_indices(const Backward& d, size_t n) {
    TensorList indices;
    for (size_t i = 0; i < n; ++i) indices.push_back(d.saved(i));
    return indices;
}

// The derivative gets the indices by saved_indices().
template <class F>
void record_indexed(const char* name, const Tensor& out, const Tensor& t, const TensorList& indices,
                    F derivative) {
    auto node = FunctionNode<F>::make(name, std::move(derivative));
    const bool history = any_requires_grad({t});
    if (history) {
        node->add_edge(gradient_edge(t));
        set_history(out, *node);
    } else {
        node->add_output(out);
    }
    node->site.capture();
    for (const Save& s : save_indices(indices)) node->keep(s);
    if (has_tangent(t)) [[unlikely]] {
        const Tensor* inputs[] = {&t};
        push_forward(*node, {&out, 1}, inputs, {});
    }
    if (history) pack_saved(*node);
}

}  // namespace wg
