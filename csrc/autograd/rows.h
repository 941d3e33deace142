// Gradients for a batch of gradients, in one pass: is_grads_batched, vmap of a vjp, rows of Jacobians.
//
// Note [Rows]
// In a pass with rows (BackwardOptions::rows) every gradient has one dim more than the tensor it belongs to, in
// front: the rows. The pass is the same in all else, and so are most derivatives. The formulas of elementwise
// operations broadcast what they read over the rows. A derivative of another operation takes rows if it says so,
// with on_rows() in record.h; for those that do not, and for nodes of no such kind, Node::apply_rows runs the
// derivative for each row and stacks what comes. That costs some thousand instructions for a row, as much as a pass
// for each row would. Code of others, hooks and custom Functions, is shown what it would see if the pass ran
// in a vmap over the rows.
#pragma once

#include "autograd/node.h"

namespace wg {

// How many rows the gradients of a pass have, and what code that is not the engine's sees of such gradients.
class RowView {
public:
    explicit RowView(int64_t n) : n(n) {}
    virtual ~RowView() = default;
    // One row, in name: a tensor without the dim of the rows, of which operations know that it has one.
    virtual Tensor shown(const Tensor& gradient) const { return gradient; }
    // The gradient with all rows of what was made of such tensors, perhaps without regard to the rows.
    virtual Tensor hidden(const Tensor& made) const { return made; }
    const int64_t n;
};

// The same gradient in each row.
Tensor in_each_row(const Tensor& gradient, int64_t n);

// Those of a node, shown and hidden; undefined ones stay so.
Grads shown(const RowView& rows, const Grads& grads);
void hide(const RowView& rows, Grads& grads);

// Sums a gradient with rows, rows kept, to `sizes`, which expand to its own.
Tensor sum_rows_to(const Tensor& gradient, IntSpan sizes);

}  // namespace wg
