import torch

x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
y = x.clone() # Create a copy to avoid in-place operations
y.add_(2)  # Equivalent to y = y + 2, but potentially disrupts gradient flow in some situations.

z = y * y
z.backward()
print(x.grad) # Output: likely None or unexpected values if add_ is problematic.

x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
y = x + 2
z = y * y
z.backward()

print(x.grad) # Output: tensor([4., 8., 12.])
