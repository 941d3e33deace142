import torch

x = torch.tensor([2.0], requires_grad=True)
y = x + 1  # Operation recorded

x_copy = x.clone().detach().requires_grad_(True)  # Create a detached copy with grad requirement
y_copy = x_copy.add_(1) # In-place addition
try:
    y_copy.backward() # Raises error because modification made in place
except RuntimeError as e:
    print(f"Error: {e}")

y.backward()

print(f"Gradient of x: {x.grad}")
print(f"Gradient of x_copy : {x_copy.grad}")
