import torch
import numpy as np

# Create a tensor with requires_grad=True
a = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)

# Convert to numpy array
a_numpy = a.detach().numpy() # detach here to avoid in-place changes on numpy array
# Perform operation on numpy array
a_numpy_modified = a_numpy * 2

# Convert back to torch tensor
a_modified = torch.from_numpy(a_numpy_modified).requires_grad_(True)

# Perform operations
b = a_modified * 2
b.sum().backward()

print(a.grad) # Output: None - the conversion broke the graph.
print(a_modified.grad) # Output: Tensor([2., 2., 2.]), gradients can be computed from the newly created tensor.
