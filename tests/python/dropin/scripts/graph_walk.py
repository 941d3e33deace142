"""The recorded graph as a program sees it: nodes, edges, saved values, what backward frees."""

import torch


def walk(node, depth=0):
    """Print the graph behind a node, once per edge."""
    print("  " * depth + node.name(), len(node.next_functions))
    for following, index in node.next_functions:
        if following is None:
            print("  " * (depth + 1) + "nothing", index)
        else:
            walk(following, depth + 1)


torch.manual_seed(4)
weight = torch.randn(3, 2, requires_grad=True)
bias = torch.zeros(2, requires_grad=True)
data = torch.randn(4, 3)

hidden = torch.tanh(data @ weight + bias)
loss = (hidden**2).mean()
walk(loss.grad_fn)
for name, tensor in {"weight": weight, "data": data, "hidden": hidden, "loss": loss}.items():
    print(name, tensor.requires_grad, tensor.is_leaf, tensor.grad_fn is not None)
print(type(hidden.grad_fn).__name__, hidden.grad_fn is hidden.grad_fn)
print(torch.equal(hidden.grad_fn._saved_result, hidden), hidden.grad_fn._saved_result is hidden)

# What is cut off has no node, and what is computed from it neither.
cut = hidden.detach()
print(cut.grad_fn, (cut * 2).requires_grad, cut.data_ptr() == hidden.data_ptr())

loss.backward()
print(weight.grad.shape, bias.grad, data.grad)
try:
    print(hidden.grad_fn._saved_result)
except RuntimeError as error:
    print(error)
loss.backward()
