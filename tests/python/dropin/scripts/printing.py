"""What programs print: tensors of all kinds, shapes, dtypes, sizes, and f-strings."""

import torch

t = torch.tensor
for value in (
    [t(1), t(1.5), t(True), t(-0.0), t(float("nan")), t(float("inf")), t(1e10), t(1e-10)],
    [t([]), t([[]]), torch.zeros(2, 0), torch.zeros(0, dtype=torch.int64)],
    [t([1.0, 2.5]), t([1.0, 1e5]), t([1e-5, 1.0]), t([0.1, float("nan"), float("-inf")])],
    [t([[1, 20], [300, -4]]), t([True, False]), t([1, 2], dtype=torch.uint8)],
    [torch.ones(2, dtype=d) for d in (torch.float64, torch.float16, torch.bfloat16, torch.int32)],
    [torch.arange(30), torch.arange(30.0) / 7, torch.linspace(0, 1, 11), torch.eye(3)],
    [
        torch.arange(24).view(2, 3, 4),
        torch.zeros(2, 1, 2, 2),
        torch.arange(2000),
        torch.zeros(50, 50),
    ],
):
    for item in value:
        print(item)
x = torch.ones(2, 2, requires_grad=True)
print(x, x * 2, (x * 2).sum(), x[0], x.t(), x.detach(), x.exp())
print(x.shape, x.size(), x.size(0), list(x.shape), x.dim(), x.numel(), x.stride())
print(x.dtype, x.device, x.is_leaf, x.grad, type(x), type(x.shape))
print(torch.float32, torch.int64, torch.bool, torch.device("cpu"), torch.strided)
print(f"{x.sum():.2f} {x.mean().item():.3f} {x.sum()} {t(3):>5} {x.detach()}")
print("%s %.1f %d" % (t([1]), t(2.5), t(3)))  # noqa: UP031
print({"loss": t(0.25)}, [t(1), t([2.0])], (x.shape,))
print(torch.nn.Parameter(torch.ones(2)), torch.nn.Linear(2, 3), torch.nn.ReLU())
print((x.sum() * 2).grad_fn, x.view(-1).grad_fn, type(x.view(-1).grad_fn).__name__)
print(str(x), repr(x) == str(x), x.tolist(), x.sum().item(), t([1, 2]).tolist())
print(torch.max(t([[1, 5], [7, 2]]), dim=1))
print(t([[3, 1], [2, 9]]).min(dim=0).indices)
torch.set_printoptions(precision=2, sci_mode=False)
print(t([1e-3, 1000.5]))
torch.set_printoptions(profile="full", linewidth=40)
print(torch.arange(12.0))
torch.set_printoptions(profile="default")
torch.set_default_dtype(torch.float64)
print(t(1.5), torch.ones(2), torch.ones(2, dtype=torch.float32))
torch.zeros(2, 3) @ torch.zeros(2, 3)
