import torch

x = torch.tensor([2.0], requires_grad=True)
y = torch.tensor([3.0], requires_grad=True)
z = x + y

z.backward()

print(f"Gradient of x: {x.grad}")  # Output: Gradient of x: tensor([1.])
print(f"Gradient of y: {y.grad}")  # Output: Gradient of y: tensor([1.])

