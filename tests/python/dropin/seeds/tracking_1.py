import torch

# Create a tensor with requires_grad=True
a = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
b = torch.tensor([4.0, 5.0, 6.0], requires_grad=True)

# In-place addition, breaking the graph
a += b

# Calculate the gradients, and they will be 'none'
c = a * 2  # even this will not be part of a graph since a has no tracking history.
c.sum().backward()
print(a.grad) # Output: None, because of in-place operations before c was defined.
