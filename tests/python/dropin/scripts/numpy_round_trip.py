"""Between tensors and numpy: shared memory, dtypes, and where the history ends."""

import numpy as np
import torch

a = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
try:
    a.numpy()
except RuntimeError as error:
    print(error)
n = a.detach().numpy()
print(n, n.dtype)
b = torch.from_numpy(n * 2).requires_grad_(True)
(b * 2).sum().backward()
print(a.grad, b.grad)
n[0] = 7
print(a)

array = np.arange(6, dtype=np.float64).reshape(2, 3)
t = torch.from_numpy(array)
t[0, 0] = -1
array[1, 2] = 50
print(t, array)
print(torch.from_numpy(array.T), torch.from_numpy(array.T).stride())
print(
    torch.tensor(array),
    torch.tensor(array).dtype,
    torch.as_tensor(array).data_ptr() == t.data_ptr(),
)
for dtype in (np.float32, np.float64, np.int64, np.int32, np.uint8, np.bool_, np.float16, np.int16):
    back = torch.from_numpy(np.array([0, 1, 2]).astype(dtype))
    print(dtype.__name__, back.dtype, back, back.numpy().dtype)
print(torch.tensor(np.float64(2.5)), torch.tensor(np.int32(3)), torch.tensor([np.float32(1), 2]))
print(np.asarray(torch.arange(3)), np.array(torch.ones(2, 2)).sum(), torch.arange(3).numpy() + 1)
print(torch.arange(4).tolist())
print(
    torch.arange(6).view(2, 3).t().numpy().strides,
    torch.tensor(3.5).numpy(),
    torch.tensor(3.5).item(),
)
print(
    float(torch.tensor(2.5)),
    int(torch.tensor(7)),
    bool(torch.tensor([0.0])),
    len(torch.zeros(4, 2)),
)
try:
    torch.from_numpy(np.array(["a"]))
except TypeError as error:
    print(str(error).split(".")[0])
try:
    torch.from_numpy([1, 2])
except TypeError as error:
    print(error)
print(torch.ones(2).item())
