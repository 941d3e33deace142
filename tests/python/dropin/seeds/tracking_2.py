import torch

# Create a tensor with requires_grad=True
a = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)

# Detach the tensor
detached_a = a.detach()

# Perform an operation on the detached tensor
c = detached_a * 2
c.sum().backward() # this should fail because of c not being in any graph.
print(a.grad) # Output will also likely be None, as the forward pass did not use the original 'a' value
