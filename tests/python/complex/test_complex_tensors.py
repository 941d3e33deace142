"""Complex tensors as such: dtypes, creation, promotion, casts, Python numbers, NumPy, printing."""

from __future__ import annotations

from parity import CLOSE, COMPLEX, DTYPES, data, parity, table

test_dtypes = table("""
torch.complex64, torch.complex128, torch.cfloat is torch.complex64, torch.cdouble is torch.complex128
[(d.is_complex, d.is_floating_point, d.is_signed, d.itemsize) for d in (torch.complex64, torch.complex128)]
[str(d.to_real()) for d in (torch.complex64, torch.complex128, torch.float32, torch.int64, torch.bool)]
[str(d.to_complex()) for d in (torch.complex64, torch.complex128, torch.float32, torch.float64, torch.bfloat16)]
repr(torch.finfo(torch.complex64)); repr(torch.finfo(torch.complex128)); torch.finfo(torch.cfloat).bits
torch.iinfo(torch.complex64)
hash(torch.complex64) == hash(torch.cfloat); torch.complex64 == torch.complex128
import pickle; pickle.loads(pickle.dumps(torch.complex64)) is torch.complex64
torch.set_default_dtype(torch.complex64)
torch.set_default_dtype(torch.float64); torch.tensor([1j]); torch.tensor(1j) + torch.ones(2)
""")

test_made = table(
    """
torch.tensor(1 + 2j); torch.tensor([1, 2.5, 3j]); torch.tensor([True, 1j]); torch.tensor([[1j], [2]])
torch.tensor([1, 2], dtype=torch.complex64); torch.tensor([1.5], dtype=complex); torch.tensor(np.complex64(1j))
torch.tensor(1j, dtype=torch.bool); torch.tensor([0j, 1j], dtype=torch.bool)
torch.tensor(1j, dtype=torch.float32)
torch.tensor([1j], dtype=torch.int64)
torch.tensor(z); torch.as_tensor(z) is z; torch.as_tensor(z, dtype=torch.complex128)
torch.zeros(2, dtype=torch.complex64); torch.ones(2, dtype=torch.complex128); torch.empty(0, dtype=torch.cfloat)
torch.full((2,), 1 - 2j); torch.full((2,), 3, dtype=torch.complex64); torch.full((2,), 1j, dtype=torch.float32)
torch.full((2,), 2 + 0j, dtype=torch.float32)
torch.zeros_like(z); torch.ones_like(z); torch.full_like(z, 2j); torch.empty_like(z).dtype; torch.ones_like(x, dtype=torch.cfloat)
torch.full_like(x, 2j)
torch.eye(2, dtype=torch.complex64); torch.scalar_tensor(1j, dtype=torch.complex64)
torch.from_numpy(np.array([1j, 2])); torch.from_numpy(np.array([1j], np.complex64)); z.numpy(); np.asarray(z)
z.tolist(); z[0].item(); complex(z[0]); bool(z[0]); bool(torch.tensor(0j)); torch.is_nonzero(torch.tensor(1j))
float(z[0])
int(z[0])
float(torch.tensor(2 + 0j)); int(torch.tensor(2 + 0j)); complex(torch.tensor(2.5)); complex(torch.tensor(3))
z.element_size(); z.nbytes; z.itemsize; z.is_complex(); torch.is_complex(z); torch.is_complex(x); z.is_floating_point()
z.type(); z.double(); z.to(torch.complex128); z.cdouble(); x.cfloat(); x.to(torch.complex64); x.type(torch.complex64)
z.new_zeros(2); z.new_tensor([1]); z.new_full((2,), 1j); z.type_as(x.to(torch.complex128))
torch.manual_seed(3); torch.randn(3, dtype=torch.complex64); torch.randn(20, dtype=torch.complex128); torch.rand(3, dtype=torch.cfloat)
torch.manual_seed(3); torch.randn_like(z); torch.rand_like(z); z.normal_(); z.uniform_()
import copy, pickle; copy.deepcopy(z); copy.copy(z); pickle.loads(pickle.dumps(z))
z[1:] = 5j; z; z[0] = x[0]; z; z.fill_(1j); z.zero_()
x.fill_(1j)
x[0] = 1j
x.copy_(z); x
z.copy_(x); z; z.to(torch.int64); z.bool()
z.requires_grad_().requires_grad; torch.ones(2, dtype=torch.cfloat, requires_grad=True)
torch.equal(z, z.clone()); torch.allclose(z, z + 1e-9); torch.isclose(z, z + 1j)
""",
    setup="z = data(3, dtype='complex64'); x = data(3)",
    tol=CLOSE,
)

test_printed = table(
    """
print(torch.tensor([1 + 2j, -3.5 - 1e-3j])); print(torch.tensor(1j)); print(torch.tensor([1j], dtype=torch.complex128))
print(torch.tensor([1e5 + 2j, 1j])); print(torch.tensor([complex('nan'), complex('inf')])); print(torch.zeros(2, 2, dtype=torch.cfloat))
print(torch.tensor([1 + 2j], requires_grad=True)); print(torch.tensor([1 + 2j], requires_grad=True) * 2)
print(torch.empty(0, dtype=torch.complex64)); print(torch.arange(2000).to(torch.complex64)); print(f'{torch.tensor(1 + 2j)}')
print(torch.tensor([-0j, 0j])); print(torch.tensor([[1.25 - 2j, 3]]).T)
""",
)


@parity(left=(*DTYPES, *COMPLEX))
def test_promotion(torch, left):
    for right in COMPLEX:
        if "float16" in (left, right):
            continue  # has complex32 for its complex dtype
        for a in (data(torch, 3, dtype=left), data(torch, dtype=left)):
            for b in (data(torch, 3, dtype=right, salt=1), data(torch, dtype=right, salt=1)):
                yield lambda: torch.result_type(a, b)
                yield lambda: torch.result_type(b, a)
                yield lambda: (a + b).dtype
            yield lambda: torch.result_type(a, 1j)
            yield lambda: (a * 2j).dtype
        pair = [getattr(torch, name) for name in (left, right)]
        yield lambda: torch.promote_types(*pair)
        yield lambda: torch.can_cast(*pair)
        yield lambda: torch.can_cast(*reversed(pair))


@parity(dtype=DTYPES)
def test_casts(torch, dtype):
    for name in COMPLEX:
        z = torch.tensor([0j, 1 + 1j, 2j, -2.5 + 0j, 100 - 1j], dtype=getattr(torch, name))
        if dtype != "uint8":
            yield z.to(getattr(torch, dtype))
        yield data(torch, 4, dtype=dtype).to(getattr(torch, name))
        yield z[::2].to(torch.complex64), z[::2].to(torch.complex128)


test_elements_move = table(
    """
z.t(); z.T.contiguous(); z.reshape(-1); z.view(12); z[1]; z[:, 1:3]; z[torch.tensor([2, 0])]; z[z.real > 0]; z.flip(0)
torch.cat([z, z]); torch.cat([z, x]); torch.stack([z, z.clone()], 1); z.repeat(2, 1); z.roll(1); z.tril(); z.triu(1)
z.gather(1, i); z.index_select(0, torch.tensor([1, 1])); z.take(torch.tensor([0, 5])); z.masked_select(z.real > 0)
z.scatter(1, i, z); z.scatter(1, i, 2j); z.scatter_add(1, i, z); z.index_add(0, torch.tensor([0, 0, 1]), z)
z.index_copy(0, torch.tensor([2, 0]), z[:2]); z.index_fill(0, torch.tensor([1]), 3j); z.masked_fill(z.real > 0, 1j)
z.index_put((torch.tensor([0, 0]),), z[:2], accumulate=True); z.masked_scatter(z.real > 0, z); z.put(torch.tensor([0]), z[0, :1])
z.diagonal(); z.unbind(); z.split(2); z.expand(2, 3, 4); z.nonzero(); torch.where(z.real > 0, z, 0); torch.where(z.real > 0, z, 1j)
z.to(torch.complex128)[:, ::2].clone(); z.to(torch.complex128).t().contiguous(); z.to(torch.complex128).masked_fill(x > 0, 2j)
""",
    setup="z = data(3, 4, dtype='complex64'); x = data(3, 4); i = torch.tensor([[0, 1], [2, 0], [3, 3]])",
    tol=CLOSE,
)
