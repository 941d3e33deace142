import torch

x = torch.tensor([1.0, 2.0, 3.0], requires_grad=False) # Crucial error: requires_grad=False
y = x + 2
z = y * y
z.backward()

print(x.grad)  # Output: None, gradients won't be computed for x

x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True) #Corrected
y = x + 2
z = y * y
z.backward()

print(x.grad) # Output: tensor([4., 8., 12.])
