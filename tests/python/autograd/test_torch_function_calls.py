"""What __torch_function__ is told: every call under a logging subclass and a logging mode.

Compared are the name of the function, the types, how many arguments go by position, which by
keyword, and the class of the result.
"""

from __future__ import annotations

import copy
import operator
from typing import Any

from parity import parity

OPERATORS = """
x + 1 ; 1 + x ; x + y ; y + x ; x - 1 ; 1 - x ; y - x ; x * 2 ; 2 * x ; x / 2 ; 2 / x ; y / x
x // 2 ; 2 // x
x % 2 ; 2 % x ; x ** 2 ; 2 ** x ; y ** x ; x @ y ; y @ x ; i & i ; i & 1 ; 1 & i ; i | 1 ; 1 | i
i ^ 1 ; 1 ^ i
i << 1 ; 1 << i ; i >> 1 ; 1 >> i ; x == 1 ; 1 == x ; x != y ; y != x ; x < y ; y < x ; x <= 1
x > 1 ; x >= y
-x ; +x ; abs(x) ; ~i ; ~(x > 0) ; x == None ; x != 'a' ; x[0] ; x[:1] ; x[None, 0] ; x[y > 0]
x[...] ; y[i]
operator.iadd(x, 1) ; operator.iadd(y, x) ; operator.isub(x, 1) ; operator.imul(x, y)
operator.itruediv(x, 2)
operator.ifloordiv(x, 2) ; operator.imod(x, 2) ; operator.ipow(x, 2) ; operator.iand(i, 1)
operator.ior(i, 1)
operator.ixor(i, 1) ; operator.ilshift(i, 1) ; operator.irshift(i, 1) ; operator.imatmul(y, x)
operator.setitem(x, 0, 3.0) ; operator.setitem(x, y > 0, 3.0) ; operator.setitem(y, 0, x[0])
operator.setitem(y, i, 1)
x.__add__(1) ; x.__radd__(1) ; x.__sub__(1) ; x.__rsub__(1) ; x.__mul__(1) ; x.__truediv__(2)
x.__rtruediv__(2)
x.__rdiv__(2) ; x.__pow__(2) ; x.__rpow__(2) ; x.__matmul__(y) ; x.__eq__(1) ; x.__lt__(1)
x.__iadd__(1) ; y.__iadd__(x) ; x.__neg__() ; x.__pos__() ; x.__abs__() ; x.__getitem__(0)
"""

CONVERSIONS = """
len(x) ; bool(x[0]) ; float(x[0]) ; int(x[0]) ; operator.index(i[0]) ; x[0].item() ; x.tolist()
list(x) ; tuple(y) ; iter(x) ; 1 in x ; x[0] in x ; x in [y[0]] ; reversed(x) ; repr(x) ; str(x)
f'{x[0]}' ; f'{x[0]:.2f}'
hash(x) > 0 ; dir(x) is None ; x.numpy() ; x.__array__() ; x.numpy(force=True)
x.type() ; x.type(torch.float64) ; x.type('torch.DoubleTensor') ; x.float() ; x.double()
x.half() ; x.bfloat16()
x.long() ; x.int() ; x.short() ; x.char() ; x.byte() ; x.bool() ; x.cpu() ; x.to(torch.float64)
x.to(y) ; y.to(i)
x.to('cpu', torch.float64, copy=True) ; x.new_tensor([1.0]) ; x.new_zeros(2) ; x.new_ones((2,))
x.new_full((2,), 3.0)
x.new_empty(2) ; x.is_floating_point() ; torch.is_floating_point(x) ; torch.is_tensor(x)
torch.numel(x) ; x.numel()
x.nelement() ; x.element_size() ; x.storage_offset() ; x.data_ptr() > 0 ; x.stride()
x.stride(0) ; x.size() ; x.size(0)
x.dim() ; x.ndimension() ; x.is_contiguous() ; x.contiguous() ; x.is_signed() ; x.is_complex()
torch.is_complex(x)
x.is_inference() ; x._is_view() ; torch.is_nonzero(x[0]) ; x.__len__()
x.get_device() ; torch.get_device(x) ; x.is_distributed() ; torch.is_distributed(x) ; x.is_pinned()
x.new(2) ; x.new([1.0]) ; x.new(y)
x.__reversed__() ; x.__contains__(1) ; x.__format__('') if x.dim() == 0 else 0
"""

PROPERTIES = """
x.shape ; x.dtype ; x.device ; x.ndim ; x.grad ; x.requires_grad ; x.is_leaf ; x.grad_fn ; m.T
m.mT ; m.H ; m.mH
x.data ; x.real ; x._base ; x._version ; x.output_nr ; x.itemsize ; x.nbytes ; x.is_cpu
x.is_cuda ; x.is_sparse
x.is_quantized ; x.is_meta ; x.is_mps ; x.name ; x.layout ; x.retains_grad ; x._backward_hooks
x.is_sparse_csr ; x.is_mkldnn ; x.is_nested ; x.is_xpu ; x.is_xla ; x.is_mtia ; x.is_maia ; x.is_ipu
x.is_vulkan
setattr(x, 'grad', y) ; setattr(y, 'grad', x) ; setattr(x, 'data', y) ; setattr(y, 'data', x)
setattr(x, 'requires_grad', True) ; setattr(x, 'some', 1) ; delattr(x, 'grad') ; x.__dict__
x.__class__
"""

FUNCTIONS = """
torch.add(x, 1) ; torch.add(y, x) ; torch.add(y, x, alpha=2) ; torch.add(y, y, out=x)
torch.mul(input=x, other=y)
torch.sin(x) ; torch.sin(x, out=y) ; torch.sin(y, out=x) ; x.sin() ; x.sin_() ; torch.neg(x)
torch.sqrt_(x)
torch.cat([y, x]) ; torch.cat((x, x), dim=0) ; torch.stack((x, y)) ; torch.hstack([x, y])
torch.vstack((y, x))
torch.sum(x) ; torch.sum(x, dim=0) ; x.sum() ; x.sum(0, keepdim=True) ; x.mean() ; torch.prod(x)
x.max() ; x.max(0)
torch.max(y, x) ; torch.var_mean(x) ; torch.std(x) ; x.cumsum(0) ; torch.logsumexp(x, 0)
x.argmax() ; torch.all(x)
torch.mm(m, m) ; torch.matmul(m, y) ; torch.dot(x, y) ; torch.outer(y, x) ; torch.addmm(m, m, m)
torch.bmm(m[None], m[None])
torch.where(y > 0, x, y) ; torch.where(y > 0, x, 0.0) ; torch.clamp(x, min=0) ; x.clamp(0, 1)
torch.clamp(y, min=x)
torch.zeros_like(x) ; torch.ones_like(x, dtype=torch.float64) ; torch.empty_like(x).shape
torch.full_like(x, 2.0)
torch.rand_like(x) ; torch.randn_like(x) ; torch.randint_like(x, 3) ; torch.bernoulli(x)
torch.normal(x, y)
torch.allclose(x, y) ; torch.equal(x, y) ; x.equal(y) ; torch.isclose(x, y)
torch.result_type(x, y) ; torch.result_type(x, 1)
torch.tensor(x) ; torch.tensor([x[0]]) ; torch.as_tensor(x) ; torch.asarray(x)
torch.scalar_tensor(1.0)
torch.reshape(x, (1, 2)) ; x.view(2, 1) ; x.view_as(y) ; y.view_as(x) ; x.expand(3, 2) ; x.t()
m.transpose(0, 1)
torch.squeeze(x) ; x.unsqueeze(0) ; x.permute(0) ; x.flatten() ; torch.select(m, 0, 0)
x.unbind() ; x.chunk(2)
x.narrow(0, 0, 1) ; x.repeat(2) ; x.tile(2) ; torch.flip(x, (0,)) ; torch.roll(x, 1) ; m.tril()
m.diagonal()
x.clone() ; x.detach() ; x.detach_() ; x.requires_grad_() ; x.copy_(y) ; y.copy_(x) ; x.fill_(1)
y.fill_(x[0]) ; x.zero_()
x.add(1) ; x.add_(1) ; y.add_(x) ; x.mul_(2) ; x.masked_fill(y > 0, 1)
x.index_select(0, torch.tensor([0]))
torch.gather(x, 0, torch.tensor([0])) ; x.index_put_((torch.tensor([0]),), y[:1])
x.scatter(0, torch.tensor([0]), 1.0)
torch.take(x, torch.tensor([0])) ; x.masked_select(y > 0) ; torch.nonzero(x)
torch.nonzero(x, as_tuple=True) ; x.nonzero()
x.nonzero(as_tuple=True) ; x.norm() ; x.norm(2, 0) ; x.norm(p=1) ; torch.norm(x)
torch.norm(x, 2) ; torch.norm(y, dim=0)
x.split(1) ; torch.split(x, 1) ; torch.split(x, [1, 1], 0) ; torch.einsum('i,i', x, y)
torch.einsum('i,i->', [y, x])
torch.einsum(x, [0], y, [0]) ; torch.tensordot(x, y, 1) ; torch.tensordot(y, x, dims=1)
torch.meshgrid(x, y, indexing='ij')
torch.meshgrid([y, x], indexing='ij') ; torch.broadcast_tensors(x, y)
torch.broadcast_tensors(y, x) ; torch.atleast_1d(x)
torch.atleast_2d(x, y) ; torch.atleast_3d([x]) ; torch.cartesian_prod(x, y)
torch.cartesian_prod(x)
torch.broadcast_shapes((2,), (1,)) ; torch.broadcast_to(x, (2, 2)) ; torch.linalg.vector_norm(x)
torch.linalg.norm(x)
torch.linalg.matmul(m, m) ; torch.softmax(x, 0) ; x.softmax(0) ; x.log_softmax(0)
torch.sigmoid(x) ; x.relu() ; torch.relu(x)
torch.dropout(x, 0.0, False) ; torch.can_cast(torch.int64, torch.float32)
torch.promote_types(torch.int64, torch.int32)
x.uniform_() ; x.normal_() ; x.bernoulli_(0.5) ; x.random_(5) ; torch.multinomial(p, 1)
x.data.fill_(2) ; x.resize_(2) ; x.as_strided((1,), (1,)) ; torch.as_strided(x, (1,), (1,))
torch.unflatten(m, 0, (1, 2))
torch.get_default_dtype() ; torch.is_grad_enabled() ; x.is_same_size(y) ; torch.is_same_size(x, y)
x.type_as(y) ; y.type_as(x)
x.conj_physical_() ; torch.conj_physical_(y)
torch.select_copy(x, 0, 0) ; x.unsafe_split(1) ; x.put(i, y) ; y.put_(i, x) ; torch.copysign(y, x)
x.is_shared() ; x.map_(y, max) ; y.map_(x, max) ; y.map2_(y, x, max) ; x.is_set_to(y)
torch.detach_(x) ; x.resize_as_(y) ; m.fill_diagonal_(2.0) ; torch.is_storage(x)
"""

CREATION = """
torch.zeros(2) ; torch.ones((2,), dtype=torch.float64) ; torch.empty(2).shape
torch.full((2,), 1.0) ; torch.arange(3)
torch.arange(0, 3, step=1) ; torch.linspace(0, 1, 3) ; torch.logspace(0, 1, 3) ; torch.eye(2)
torch.rand(2) ; torch.randn(2, 2)
torch.randint(3, (2,)) ; torch.randperm(3) ; torch.normal(0.0, 1.0, (2,)) ; torch.tensor([1.0])
torch.tensor(1)
torch.as_tensor([1.0]) ; torch.asarray([1.0]) ; torch.frombuffer(bytearray(8), dtype=torch.float32)
torch.from_numpy(y.numpy()) ; torch.empty_strided((2,), (1,)).shape ; torch.scalar_tensor(2.0)
torch.Tensor([1.0]) ; torch.Tensor(2).shape
torch.manual_seed(0) is None ; torch.initial_seed() ; torch.no_grad() is None
torch.set_grad_enabled(True) is None
torch.get_rng_state() ; torch.set_default_dtype(torch.float32) ; torch.nn.Parameter(y)
"""

NN = """
F.relu(x) ; F.relu(x, True) ; F.relu(input=x) ; F.relu_(x) ; F.leaky_relu(x)
F.leaky_relu(x, 0.1, inplace=True)
F.leaky_relu_(x) ; F.elu(x) ; F.elu(x, 2.0) ; F.elu_(x) ; F.silu(x) ; F.sigmoid(x) ; F.tanh(x)
F.celu(x) ; F.selu(x)
F.hardtanh(x) ; F.relu6(x) ; F.hardsigmoid(x) ; F.hardswish(x) ; F.mish(x)
F.threshold(x, 0.1, 0.0) ; F.glu(x)
F.gelu(x) ; F.gelu(x, approximate='tanh') ; F.logsigmoid(x) ; F.softplus(x) ; F.softshrink(x)
F.hardshrink(x)
F.tanhshrink(x) ; F.softsign(x) ; F.softmax(x, 0) ; F.softmax(x, dim=-1, dtype=torch.float64)
F.softmin(x, 0)
F.log_softmax(x, 0) ; F.prelu(x, y[:1]) ; F.prelu(y, x[:1]) ; F.linear(y, m)
F.linear(y[None], m, x) ; F.linear(m, y)
F.bilinear(y, y, m[None]) ; F.embedding(j, m) ; F.embedding(j, m, 0) ; F.one_hot(k)
F.dropout(x, 0.0) ; F.dropout(x, 0.5, False)
F.layer_norm(x, (2,)) ; F.layer_norm(y, (2,), x, y) ; F.rms_norm(x, (2,))
F.rms_norm(y, [2], weight=x)
F.normalize(x, dim=0) ; F.cosine_similarity(x, y, dim=0) ; F.pairwise_distance(m, m)
F.mse_loss(x, y) ; F.mse_loss(y, x) ; F.mse_loss(y, y, weight=x) ; F.smooth_l1_loss(x, y, beta=2.0)
F.huber_loss(x, y, delta=2.0) ; F.nll_loss(m, j) ; F.nll_loss(m, j, x) ; F.cross_entropy(m, j)
F.cross_entropy(x, y)
F.cross_entropy(m, j, weight=y, reduction='sum') ; F.cross_entropy(y, y, weight=x)
F.binary_cross_entropy(p, p)
F.binary_cross_entropy(p, p.as_subclass(torch.Tensor), reduction='none')
F.binary_cross_entropy_with_logits(x, p)
F.binary_cross_entropy_with_logits(y, p.as_subclass(torch.Tensor), pos_weight=x)
F.kl_div(x, y, reduction='sum') ; F.kl_div(x, y, reduction='batchmean', log_target=True)
nn.ReLU()(x) ; nn.Sequential(nn.Tanh(), nn.Softmax(0))(x) ; nn.MSELoss()(x, y)
nn.Dropout(0.0)(x) ; nn.CrossEntropyLoss()(m, j) ; nn.Flatten()(m) ; nn.GELU()(x)
nn.init.uniform_(x) ; nn.init.normal_(x) ; nn.init.constant_(x, 1.0) ; nn.init.ones_(x)
nn.init.zeros_(x)
nn.init.kaiming_uniform_(m) ; nn.init.kaiming_normal_(m) ; nn.init.xavier_uniform_(m)
nn.init.xavier_normal_(m)
nn.init.calculate_gain('relu')
"""

AUTOGRAD = """
r.sum().backward() ; r.backward(y) ; r.backward(gradient=x, retain_graph=True)
w.sum().backward(inputs=[w0])
torch.autograd.backward(r.sum()) ; torch.autograd.backward(w.sum(), inputs={'w': w0})
torch.autograd.grad(r.sum(), {'r': r}) ; torch.autograd.grad(r.sum(), r)
torch.autograd.grad([w.sum()], [w0]) ; torch.autograd.grad(r.sum(), [r], create_graph=True)
r.register_hook(print) is None ; r.retain_grad() ; w.register_hook(print) is None
r.register_post_accumulate_grad_hook(print) is None ; torch.is_grad_enabled()
r.requires_grad_(False)
"""


def rows(text: str) -> list[str]:
    return [
        row.strip()
        for line in text.strip().splitlines()
        for row in line.split(" ; ")
        if row.strip(" ;")
    ]


def name_of(function: Any) -> str:
    owner = getattr(function, "__self__", None)
    prefix = (
        f"{owner.__name__}." if function.__name__ in ("__get__", "__set__", "__delete__") else ""
    )
    return prefix + function.__name__


class Log(list):
    def note(self, function, types, args, kwargs):
        named = None if kwargs is None else sorted(kwargs)
        self.append([name_of(function), [t.__name__ for t in types], len(args), named])


def scene(torch: Any, cls: Any) -> dict[str, Any]:
    """Tensors of the class `cls`, but for y, w0 and w."""

    def make(values: Any, **options: Any) -> Any:
        return torch.tensor(values, **options).as_subclass(cls)

    w0 = torch.tensor([1.0, 2.0], requires_grad=True)
    return {
        "torch": torch,
        "F": torch.nn.functional,
        "nn": torch.nn,
        "operator": operator,
        "copy": copy,
        "x": make([1.0, 2.0]),
        "y": torch.tensor([1.0, -2.0]),
        "i": make([0, 1]),
        "j": make([1, 0]),
        "k": make([1, 0]),
        "m": make([[1.0, 2.0], [3.0, 4.0]]),
        "p": make([0.25, 0.5]),
        "r": make([1.0, 2.0]).requires_grad_(),
        "w0": w0,
        "w": w0 * 2,
    }


def outcome(source: str, names: dict[str, Any]) -> Any:
    result = eval(source, names)
    if isinstance(result, tuple | list):
        return [type(result).__name__, [type(item).__name__ for item in result]]
    return result if isinstance(result, int | float | str) else type(result).__name__


@parity(source=rows(OPERATORS + CONVERSIONS + PROPERTIES + FUNCTIONS + NN + AUTOGRAD))
def test_of_a_subclass(torch, source):
    log = Log()

    class Logging(torch.Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            log.note(func, types, args, kwargs)
            return super().__torch_function__(func, types, args, kwargs or {})

    names = scene(torch, Logging)
    log.clear()
    yield lambda: outcome(source, names)
    yield [*log]


@parity(source=rows(OPERATORS + CONVERSIONS + PROPERTIES + FUNCTIONS + CREATION + NN + AUTOGRAD))
def test_in_a_mode(torch, source):
    from importlib import import_module

    log = Log()

    class Logging(import_module(f"{torch.__name__}.overrides").TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            log.note(func, types, args, kwargs)
            return func(*args, **(kwargs or {}))

    names = scene(torch, torch.Tensor)

    def run():
        with Logging():
            return outcome(source, names)

    yield run
    yield [*log]
