import torch

def my_function(untracked_tensor):
    # Register a hook to compute the gradient manually.
    def custom_grad_fn(grad):
        return grad * 2 #Example custom gradient calculation

    untracked_tensor.register_hook(custom_grad_fn)

    result = torch.sin(untracked_tensor)
    return result

# Example usage:
x = torch.randn(10, requires_grad=False) #untracked Tensor
y = my_function(x)

y.backward()
# Check gradients. Note that because we registered a hook that doubled it, the gradients
# will be calculated correctly and be double the value of the usual.
print(x.grad)
