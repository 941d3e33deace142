"""autograd.Function: saved tensors, several inputs and outputs, flags, and its errors."""

import torch
from torch.autograd import Function


class Relu(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.clamp(x, min=0)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        grad = grad_output.clone()
        grad[x <= 0] = 0
        return grad


x = torch.tensor([-1.0, 2.0, -3.0, 0.0], requires_grad=True)
y = Relu.apply(x)
print(y)
y.sum().backward()
print(x.grad, y.grad_fn.name())


class Scale(Function):
    @staticmethod
    def forward(ctx, x, y, factor):
        ctx.factor = factor
        ctx.save_for_backward(x, y)
        return x * y * factor, x + y

    @staticmethod
    def backward(ctx, g_product, g_sum):
        x, y = ctx.saved_tensors
        print("needs", ctx.needs_input_grad)
        return g_product * y * ctx.factor + g_sum, g_product * x * ctx.factor + g_sum, None


a = torch.tensor([1.0, 2.0], requires_grad=True)
b = torch.tensor([3.0, 4.0])
p, s = Scale.apply(a, b, 10)
print(p, s, p.requires_grad)
p.sum().backward()
print(a.grad, b.grad)


class Cube(Function):
    @staticmethod
    def forward(x):
        return x**3

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * 3 * x * x


t = torch.tensor(2.0, requires_grad=True, dtype=torch.float64)
(g,) = torch.autograd.grad(Cube.apply(t), t, create_graph=True)
(h,) = torch.autograd.grad(g, t, create_graph=True)
print(g, h)
print(torch.autograd.grad(h, t)[0])


class Increment(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.mark_dirty(x)
        return x.add_(1)

    @staticmethod
    def backward(ctx, g):
        return g * 5


v = a * 1
print(Increment.apply(v), v._version)
v.sum().backward()
print(a.grad)


class Sort(Function):
    @staticmethod
    def forward(ctx, x):
        index = x.argmax()
        ctx.mark_non_differentiable(index)
        ctx.shape, ctx.index = x.shape, index
        return x.max(), index

    @staticmethod
    def backward(ctx, g, g_index):
        out = torch.zeros(ctx.shape)
        out[ctx.index] = g
        return out


value, index = Sort.apply(x)
print(value, index)
value.backward()
print(x.grad)


class Wrong(Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, g):
        return g, g


try:
    Wrong.apply(a).sum().backward()
except RuntimeError as error:
    print(error)


class WrongShape(Wrong):
    @staticmethod
    def backward(ctx, g):
        return torch.ones(7)


WrongShape.apply(a).sum().backward()
