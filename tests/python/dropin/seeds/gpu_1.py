import torch

x = torch.randn(10, requires_grad=False)  # Gradient calculation disabled from the start
y = x * 2
loss = y.sum()
loss.backward()  # This will raise an error or produce None for x.grad

print(x.grad)  # Output: None
