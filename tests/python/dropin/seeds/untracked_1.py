import torch

def my_function(untracked_tensor):
    # Explicitly enable gradient tracking for the input tensor
    untracked_tensor.requires_grad_(True)  # Modifies the tensor in-place

    # Perform operations on the tensor that require gradient tracking
    result = torch.sin(untracked_tensor) * 2  
    return result

# Example usage:
x = torch.randn(10)  # Initially, x does not require gradient tracking
y = my_function(x)

# Now, gradients can be computed correctly for y with respect to x
y.backward()
print(x.grad) # Gradient of y with respect to x will be calculated correctly.
