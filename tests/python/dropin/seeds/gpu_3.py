import torch

x = torch.randn(10, requires_grad=True)
y = x * 2
y.add_(1) # In-place addition
loss = y.sum()
loss.backward()

print(x.grad) #Output will likely be incorrect or throw an error.  Gradient calculation is unreliable.
