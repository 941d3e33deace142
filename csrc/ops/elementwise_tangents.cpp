#include "ops/elementwise_tangents.h"

#include <algorithm>

#include "ops/elementwise_rules.h"
#include "ops/functions.h"

namespace wg {

bool any_tangent(Args args) {
    for (const Arg& a : args)
        if (a.is_tensor() && has_tangent(a.tensor())) return true;
    return false;
}

namespace {

// The operands as the gradient formulas take them.
void fill_operands(Tensor (&abc)[3], Op op, Args args) {
    for (size_t k = 0; k < args.size(); ++k)
        abc[k] = args[k].is_tensor() ? args[k].tensor() : number_in_formula(op, args[k].scalar());
}

// The Jacobian is diagonal: the gradient formulas applied to the tangents are what these add to that of the result.
Tensor tangent_of(const Forward& d, const RowInfo& r, Op op, Args args, const Tensor& out,
                  const Params& params) {
    Tensor abc[3], sum;
    fill_operands(abc, op, args);
    for (size_t k = op == Op::where_choice ? 1 : 0; k < args.size(); ++k) {
        if (!d.has(k)) continue;
        const Tensor& v = d.tangent(k);
        const Tensor g = same_shape(v.sizes(), out.sizes()) ? v : expand(v, Dims(out.sizes()));
        sum = Forward::sum(sum, r.passes_through[k] ? g : r.gradient[k](g, abc, out, params.p));
    }
    // A number of a formula is in double precision, which without dims is the tangent's, too.
    const bool wider = sum.defined() && item_size(sum.dtype()) > item_size(out.dtype());
    return wider && out.dim() == 0 ? to_dtype(sum, out.dtype()) : sum;
}

}  // namespace

void push_elementwise(const RowInfo& r, Op op, Args args, const Tensor& out, const Params& params) {
    SmallVector<const Tensor*, 3> inputs;
    const Tensor none;
    for (const Arg& a : args) inputs.push_back(a.is_tensor() ? &a.tensor() : &none);
    if (not_implemented(!args[0].is_tensor()       ? r.node_reversed
                        : !args.back().is_tensor() ? r.node_scalar
                                                   : r.node))
        fail(
            ErrorKind::NotImplemented,
            str("Trying to use forward AD with ", r.name,
                " that does not support it because it has not been implemented yet.\nPlease file an issue to PyTorch at "
                "https://github.com/pytorch/pytorch/issues/new?template=feature-request.yml so that we can prioritize "
                "its implementation or submit a PR adding the implementation to derivatives.yaml"));
    if (std::any_of(args.begin(), args.end(), [](const Arg& a) { return is_complex(a); })) {
        // The formulas give conjugates, and not all of them of a derivative: what they do is transposed.
        Tensor abc[3];
        fill_operands(abc, op, args);
        const Ref<Node> node = make_node(
            "", {inputs.data(), inputs.size()},
            [&r, &abc, &out, &params, first = size_t(op == Op::where_choice)](Backward& d) {
                for (size_t k = first; k < d.num_inputs(); ++k)
                    if (d.needs(k))
                        d.set(k, r.passes_through[k] ? d.grad()
                                                     : r.gradient[k](d.grad(), abc, out, params.p));
            });
        node->add_output(out);
        return push_forward(*node, {&out, 1}, {inputs.data(), inputs.size()}, {});
    }
    const auto rule = [&](const Forward& d) { return tangent_of(d, r, op, args, out, params); };
    push_rule(out, {inputs.data(), inputs.size()}, ForwardRule(rule));
}

TangentUpdate tangents_of_write(Op op, const Tensor& self, Args args, const Params& params,
                                const char* node_name) {
    TangentUpdate tangents;
    if (row(op).is_test || !is_differentiable(self.dtype())) return tangents;
    const Tensor old = clone(self);
    SmallVector<Arg, 3> before;
    for (const Arg& a : args)
        before.push_back(a.is_tensor() && a.tensor().is_same(self) ? Arg(old) : a);
    tangents.collect(elementwise(op, Args(before.data(), before.size()), params, node_name));
    return tangents;
}

}  // namespace wg
