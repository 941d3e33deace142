import torch

x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
y = x + 2

with torch.no_grad():  # Detachment within this block
    z = y * y

z.backward()

print(x.grad) # Output: None. Gradient flow is disrupted.

x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
y = x + 2
z = y * y
z.backward()

print(x.grad) # Output: tensor([4., 8., 12.])

