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

}  // namespace

std::vector<Tensor> by_rows(std::span<const Tensor> grads, std::span<const char> has_rows,
                            const RowPass& pass) {
    int64_t n = 0;
    for (size_t i = 0; i < grads.size(); ++i)
        if (has_rows[i]) n = grads[i].sizes()[0];
    std::vector<std::vector<Tensor>> columns;
    SmallVector<Tensor, 2> own;
    own.resize(grads.size());
    for (int64_t row = 0; row < n; ++row) {
        for (size_t i = 0; i < grads.size(); ++i)
            own[i] = has_rows[i] ? select(grads[i], 0, row) : grads[i];
        std::vector<Tensor> found = pass({own.data(), own.size()}, row + 1 < n);
        columns.resize(found.size());
        for (size_t k = 0; k < found.size(); ++k) columns[k].push_back(std::move(found[k]));
    }
    std::vector<Tensor> result;
    for (std::vector<Tensor>& rows : columns) result.push_back(stacked(rows));
    return result;
}

}  // namespace wg
