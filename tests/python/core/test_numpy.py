"""Exchange with NumPy: shared memory, dtypes, strides and errors."""

# ruff: noqa: E501 (one case per line)
from __future__ import annotations

import numpy as np
from parity import DTYPES, data, parity, table

test_to_numpy = table(
    """
x.numpy()
x.t().numpy(); x.t().numpy().strides
x[:, ::2].numpy().strides
torch.tensor(2.5).numpy()
torch.zeros(0, 3).numpy().shape
x.numpy().flags.writeable
a = x.numpy(); a[0, 0] = 9; x
a = x.numpy(); x += 1; a
a = x[1].numpy(); a[:] = 3; x
x.expand(2, 3, 4).numpy().strides
x.bfloat16().numpy()
y = x.clone().requires_grad_(); y.numpy()
y = x.clone().requires_grad_(); y.detach().numpy()
y = x.clone().requires_grad_(); (y * 2).numpy()
y = x.clone().requires_grad_(); y.data.numpy()
y = x.clone().requires_grad_(); y.numpy(force=True)
y = x.clone().requires_grad_(); np.asarray(y)
y = x.clone().requires_grad_(); np.array(y.tolist())
with torch.no_grad(): x.clone().requires_grad_().numpy()
np.asarray(x); np.array(x); np.array(x, dtype="float64"); np.asarray(x) is np.asarray(x)
np.asarray(x)[0, 0]; np.sum(x.numpy()); np.exp(x.numpy())
np.array([torch.tensor(1.0), torch.tensor(2.0)])
np.float32(torch.tensor(1.5)); int(torch.tensor(3)); float(torch.tensor(2.5))
np.allclose(x, x)
np.ones(3) * torch.ones(3)
np.ones((3, 4)) + x
torch.ones(3) * np.ones(3)
np.ones(3) < torch.zeros(3)
x.__array__(); x.__array__(np.float64).dtype
x.cpu().numpy(); x.detach().cpu().numpy()
x.tolist(); x[0].tolist(); x[0, 0].tolist(); torch.zeros(0).tolist(); x.t().tolist(); x.long().tolist(); (x > 0).tolist()
x.half().tolist(); x.bfloat16().tolist(); torch.tensor([float("nan"), float("inf")]).tolist()
""",
    setup="x = data(3, 4)",
)

test_from_numpy = table(
    """
torch.from_numpy(a)
torch.from_numpy(a.T); torch.from_numpy(a.T).stride()
torch.from_numpy(a[:, ::2]).stride()
torch.from_numpy(a[1:]).storage_offset()
x = torch.from_numpy(a); x[0, 0] = 7; a
x = torch.from_numpy(a); a[0, 0] = 7; x
x = torch.from_numpy(a); a = None; x.sum()
torch.from_numpy(np.array(3.5))
torch.from_numpy(np.zeros((0, 3)))
torch.from_numpy(a[::-1])
torch.from_numpy(np.array(["a"]))
torch.from_numpy(np.array([None]))
torch.from_numpy(np.array([1.0], ">f4"))
torch.from_numpy([1, 2])
torch.from_numpy(3)
torch.from_numpy(None)
torch.from_numpy(np.float32(1))
torch.from_numpy(a).requires_grad_()
torch.from_numpy(np.broadcast_to(np.ones(3), (2, 3)).copy())
torch.tensor(a).dtype; torch.as_tensor(a).dtype; torch.tensor(a.astype("int16")); torch.tensor(a > 1)
torch.tensor(a[::-1].copy()); torch.tensor(np.array(["a"]))
torch.tensor(a[::-1])
torch.Tensor(a)
torch.zeros(2, 3).copy_(torch.from_numpy(a))
x = torch.zeros(2, 3); x[0] = torch.from_numpy(a[0]); x
x = torch.ones(2, 3); x * torch.from_numpy(a)
x = torch.ones(2, 3); x * a
x = torch.ones(2, 3); x[:, a[0] > 1]
x = torch.ones(2, 3); x[0, 0] = a[0, 0]; x
""",
    setup="a = np.arange(6.0).reshape(2, 3)",
)


@parity(dtype=[d for d in DTYPES if d != "bfloat16"])
def test_dtypes(torch, dtype):
    x = data(torch, 3, 2, dtype=dtype, lo=0, hi=9)
    array = x.numpy()
    yield array, torch.from_numpy(array), torch.from_numpy(array.T), torch.tensor(array[0, 0])
    array[0, 0] = 1
    yield x
    yield x.tolist(), x[0, 0].item(), x.flatten()[:1].item()


@parity
def test_read_only_array_warns(torch):
    array = np.ones(3)
    array.flags.writeable = False
    yield lambda: torch.from_numpy(array)


@parity
def test_memory_outlives_either_side(torch):
    yield torch.from_numpy(np.arange(1000.0)) * 2
    array = torch.arange(1000.0).numpy()
    yield array + 1
    view = torch.arange(1000.0)[10:20].numpy()
    yield view
