import torch
from torch.autograd import Function

class MyReLU(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.clamp(x, min=0)

    @staticmethod
    def backward(ctx, grad_output):
        x, = ctx.saved_tensors
        grad_x = grad_output.clone()
        grad_x[x <= 0] = 0
        return grad_x

x = torch.tensor([-1.0, 2.0, -3.0], requires_grad=True)
relu = MyReLU.apply

y = relu(x)
y.sum().backward()

print(f"Gradient of x: {x.grad}") # Output: Gradient of x: tensor([0., 1., 0.])
