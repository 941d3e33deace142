#include "autograd/rows.h"

#include "autograd/record.h"
#include "ops/functions.h"

namespace wg {

namespace {

Tensor stacked(std::vector<Tensor>& rows) {
    Tensor known;
    for (const Tensor& t : rows)
        if (t.defined()) known = t;
    if (!known.defined()) return {};
    for (Tensor& t : rows)
        if (!t.defined()) t = zeros_like(detach(known));
    return stack(TensorList(std::move(rows)));
}

Tensor no_rows(const Edge& e) {
    const OutputInfo& o = e.node->outputs[e.input_nr];
    Dims sizes{0};
    for (const int64_t s : o.sizes) sizes.push_back(s);
    return zeros(sizes, o.grad_dtype ? *o.grad_dtype : o.dtype);
}

}  // namespace

void Node::apply_rows(const RowView& rows, Grads& in, Grads& out) {
    if (rows.n == 0) {  // nothing to run, but what comes after goes on with no rows
        if (released) fail_released();
        for (size_t i = 0; i < edges.size(); ++i)
            if (needs(i)) out[i] = no_rows(edges[i]);
        return;
    }
    std::vector<std::vector<Tensor>> columns(edges.size());
    Grads own, found;
    for (int64_t row = 0; row < rows.n; ++row) {
        own.clear();
        found.clear();
        for (const Tensor& g : in) own.push_back(g.defined() ? select(g, 0, row) : Tensor());
        found.resize(edges.size());
        apply(own, found);
        for (size_t i = 0; i < edges.size(); ++i) columns[i].push_back(std::move(found[i]));
    }
    for (size_t i = 0; i < edges.size(); ++i) out[i] = stacked(columns[i]);
}

Tensor in_each_row(const Tensor& gradient, int64_t n) {
    Dims sizes{n};
    for (const int64_t s : gradient.sizes()) sizes.push_back(s);
    return expand(gradient, sizes);
}

Grads shown(const RowView& rows, const Grads& grads) {
    Grads result;
    for (const Tensor& g : grads) result.push_back(g.defined() ? rows.shown(g) : g);
    return result;
}

void hide(const RowView& rows, Grads& grads) {
    for (Tensor& g : grads)
        if (g.defined()) g = rows.hidden(g);
}

Tensor sum_rows_to(const Tensor& gradient, IntSpan sizes) {
    const int64_t extra = gradient.dim() - 1 - int64_t(sizes.size());
    Dims dims;
    for (int64_t d = 1; d <= extra; ++d) dims.push_back(d);
    const Tensor g = extra ? sum(gradient, dims, false) : gradient;
    Dims own{gradient.sizes()[0]};
    for (const int64_t s : sizes) own.push_back(s);
    return sum_to(g, own);
}

}  // namespace wg
