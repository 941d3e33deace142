"""Subclasses of Tensor and Parameter: how they are made, and what they keep on their way."""

from __future__ import annotations

import copy
import gc
import pickle
import sys
import weakref

import pytest
from parity import parity


class Named:
    """A mixin with state of its own."""

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        cls.registered = cls.__name__


@parity
def test_ways_to_make_one(torch):
    class Sub(torch.Tensor):
        pass

    x = torch.tensor([1.0, 2.0], requires_grad=True)
    yield lambda: [Sub([1.0, 2.0]), Sub(2).shape, Sub(), Sub(x), Sub(torch.Size([2])).shape]
    yield lambda: Sub._make_subclass(Sub, x)
    yield lambda: torch.Tensor._make_subclass(Sub, x, True)
    yield lambda: torch.Tensor.__new__(Sub, [1.0])
    yield lambda: x.as_subclass(Sub)
    yield lambda: (x * 2).as_subclass(Sub)
    yield lambda: x.as_subclass(Sub).as_subclass(torch.Tensor)
    yield lambda: x.as_subclass(cls=Sub)
    yield lambda: x.as_subclass(int)
    yield lambda: x.as_subclass(3)
    yield lambda: torch.Tensor._make_subclass(int, x)
    yield lambda: torch.tensor([1, 2]).as_subclass(torch.nn.Parameter)
    yield lambda: torch.Tensor._make_subclass(Sub, torch.tensor([1]), True)
    yield type(torch.Tensor).__name__, isinstance(Sub, type(torch.Tensor))


@parity
def test_arguments_of_the_class(torch):
    class Sub(torch.Tensor):
        def __new__(cls, data, *, name):
            return super().__new__(cls, data)

        def __init__(self, data, *, name):
            super().__init__()
            self.name_of = name

    s = Sub([1.0, 2.0], name="n")
    yield s, s.name_of, (s + 1).__dict__
    yield lambda: Sub([1.0])

    class Slotted(torch.Tensor):
        __slots__ = ("unit",)

    t = Slotted([1.0])
    t.unit = "m"
    yield t, t.unit
    yield hasattr(t + 1, "unit")

    class Both(Named, torch.Tensor):
        @property
        def double_of(self):
            return self * 2

    b = Both([1.0])
    yield b, Both.registered, b.double_of, [c.__name__ for c in Both.__mro__]


@parity
def test_results_keep_the_class(torch):
    class Sub(torch.Tensor):
        pass

    class SubSub(Sub):
        pass

    s, u = torch.tensor([1.0, 2.0]).as_subclass(Sub), torch.tensor([3.0, 4.0]).as_subclass(SubSub)
    y, p = torch.ones(2), torch.nn.Parameter(torch.ones(2))
    m = torch.ones(2, 2).as_subclass(Sub)
    F = torch.nn.functional
    yield from (
        lambda: s + 1,
        lambda: 1 - s,
        lambda: 2 / s,
        lambda: s + u,
        lambda: u * s,
        lambda: y + s,
        lambda: p + s,
        lambda: s @ p,
        lambda: s == s,
        lambda: s.sum(),
        lambda: s.max(0),
        lambda: s.unbind(),
        lambda: s.split(1),
        lambda: torch.cat([y, s]),
        lambda: torch.stack([s, u]),
        lambda: F.relu(s),
        lambda: F.linear(y, m),
        lambda: F.softmax(s, 0),
        lambda: F.mse_loss(s, y),
        lambda: torch.zeros_like(s),
        lambda: s.new_zeros(1),
        lambda: s.new_tensor([1.0]),
        lambda: torch.where(s > 1, s, y),
        lambda: torch.einsum("i,i", s, y),
        lambda: torch.broadcast_tensors(s, m),
        lambda: torch.neg(y, out=torch.zeros(2).as_subclass(Sub)),
        lambda: torch.neg(s, out=torch.zeros(2)),
        lambda: s[0],
        lambda: s[:1],
        lambda: m[:, None],
        lambda: m[s > 1],
        lambda: y[s.long() - 1],
        lambda: m.T,
        lambda: s.data,
        lambda: s.detach(),
        lambda: s.real,
        lambda: s.clone(),
        lambda: s.double(),
        lambda: s.to(torch.int64),
        lambda: s.view(2, 1),
        lambda: s.expand(2, 2),
        lambda: list(s),
        lambda: list(reversed(s)),
        lambda: s.nonzero(as_tuple=True),
        lambda: s.norm(),
        lambda: torch.as_tensor(s),
        lambda: torch.tensor(s),
        lambda: torch.nn.Parameter(s),
        lambda: s.numpy(),
        lambda: s.tolist(),
        lambda: (s.shape, s.size(), s.dtype, s.dim(), len(s), bool(s[0]), float(s[0]), s[0].item()),
        lambda: (repr(s), str(u), f"{s[0]:.1f}", format(s)),
        lambda: s + None,
        lambda: s + "a",
        lambda: [s] + s,
    )


@parity
def test_written_in_place(torch):
    class Sub(torch.Tensor):
        pass

    s, y = torch.tensor([1.0, 2.0]).as_subclass(Sub), torch.tensor([1.0, 2.0])
    same = s
    s += 1
    s *= 2
    s[0] = 5
    s.add_(1)
    yield s, same is s
    y += s
    yield y
    s[:1].zero_()
    yield s, s._base
    y[0] = s[1]
    yield y
    leaf = torch.ones(2, requires_grad=True)
    z = (leaf * 2).as_subclass(Sub)
    z.mul_(3)
    z[0] = 0
    z.sum().backward()
    yield z, leaf

    def add_text():
        nonlocal s
        s += "text"

    yield add_text

    class Right:
        def __radd__(self, other):
            return "right"

        def __rmul__(self, other):
            raise TypeError("from the right")

    def add_right():
        nonlocal s
        s += Right()
        return s

    t = torch.ones(1).as_subclass(Sub)
    yield add_right
    yield lambda: t * Right()


@parity
def test_history(torch):
    class Sub(torch.Tensor):
        pass

    x = torch.tensor([1.0, 2.0], requires_grad=True)
    s = x.as_subclass(Sub)
    y = s * s
    yield s, y, y._base is None, s._base is x
    y.sum().backward()
    yield x, type(x.grad).__name__
    leaf = torch.tensor([1.0, 2.0]).as_subclass(Sub).requires_grad_()
    seen = []
    leaf.register_hook(lambda g: seen.append(type(g).__name__))
    leaf.register_post_accumulate_grad_hook(lambda t: seen.append(type(t).__name__))
    z = leaf.exp()
    z.register_hook(lambda g: seen.append(type(g).__name__))
    z.retain_grad()
    z.sum().backward()
    yield leaf, seen, type(leaf.grad).__name__
    leaf.grad = torch.ones(2).as_subclass(Sub)
    yield leaf.grad, type(leaf.grad).__name__
    yield lambda: torch.autograd.grad((leaf * 2).sum(), leaf)
    yield lambda: torch.autograd.grad(
        leaf * 2, leaf, torch.ones(2).as_subclass(Sub), create_graph=True
    )
    yield lambda: torch.autograd.gradcheck(
        lambda t: t * t, x.double().detach().as_subclass(Sub).requires_grad_()
    )


@parity
def test_custom_functions(torch):
    class Sub(torch.Tensor):
        pass

    seen = []

    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            seen.append(type(x).__name__)
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            seen.append((type(g).__name__, type(x).__name__))
            return 2 * x * g

    s = torch.tensor([3.0]).as_subclass(Sub).requires_grad_()
    y = Square.apply(s)
    y.sum().backward()
    yield y, seen, s


@parity
def test_copies(torch):
    class Sub(torch.nn.Parameter):
        pass

    p = Sub(torch.ones(2))
    yield copy.deepcopy(p), type(copy.deepcopy(p)).__name__

    class Keeps(torch.Tensor):
        def __deepcopy__(self, memo):
            return self.detach().clone().as_subclass(Keeps)

    k = torch.ones(2).as_subclass(Keeps)
    k.note = "n"
    yield copy.deepcopy(k), copy.copy(k).tolist(), copy.copy(k).note, type(copy.copy(k)).__name__
    yield copy.copy(k).data_ptr() == k.data_ptr()


class Kept(__import__("whygrad").Tensor):
    pass


def test_pickled_and_copied():
    import whygrad as torch

    k = torch.tensor([1.0, 2.0]).as_subclass(Kept).requires_grad_()
    k.note = ["n"]
    for made, is_leaf in (pickle.loads(pickle.dumps(k)), False), (copy.deepcopy(k), True):
        assert type(made) is Kept and made.tolist() == [1, 2]
        assert made.requires_grad and made.is_leaf == is_leaf and made.note == ["n"]
        assert made.data_ptr() != k.data_ptr()


@parity
def test_parameters(torch):
    class Sub(torch.Tensor):
        pass

    class Other(torch.nn.Parameter):
        pass

    s = torch.tensor([1.0, 2.0]).as_subclass(Sub)
    p, o = torch.nn.Parameter(s), Other(torch.ones(2))
    P = torch.nn.Parameter
    yield [type(v).__name__ for v in (p, o, p * 2, o * 2, o + p, p.data, o.detach(), P(o))]
    yield [isinstance(v, P) for v in (s, p, o, p * 2, p.detach(), o.data)], p, p.requires_grad

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.w, self.o = p, o
            self.register_buffer("b", s.clone())

        def forward(self, x):
            return (x * self.w + self.o + self.b).sum()

    net = Net()
    yield [(n, type(v).__name__) for n, v in net.named_parameters()]
    yield [(n, type(v).__name__) for n, v in net.state_dict().items()]
    for make in (torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW):
        opt = make(net.parameters(), lr=0.1)
        opt.zero_grad()
        loss = net(torch.ones(2))
        loss.backward()
        opt.step()
        yield type(loss).__name__, net.w, net.o, type(net.w.grad).__name__
    net.load_state_dict({"w": torch.zeros(2), "o": torch.zeros(2), "b": torch.zeros(2)})
    yield net.w, net.o, type(net.w).__name__, type(net.b).__name__


@parity
def test_a_batch_of_subclasses(torch):
    from importlib import import_module

    class Sub(torch.Tensor):
        pass

    data = import_module(f"{torch.__name__}.utils.data")
    items = [torch.tensor([float(i)]).as_subclass(Sub) for i in range(4)]
    yield [type(batch).__name__ for batch in data.DataLoader(items, batch_size=2)]
    yield lambda: data.default_collate(items)


# -- the programs of tutorials ---------------------------------------------------------------------


@parity
def test_metadata_that_travels(torch):
    """Operations take their metadata from the first operand that has any."""

    class Meta:
        def __init__(self, data, metadata=None):
            self.data = torch.as_tensor(data)
            self.metadata = metadata

        def __repr__(self):
            return f"{self.metadata}: {self.data}"

        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            metadatas = tuple(a.metadata for a in args if hasattr(a, "metadata"))
            plain = [getattr(a, "data", a) if isinstance(a, cls) else a for a in args]
            return cls(func(*plain, **(kwargs or {})), metadata=metadatas[0])

    m = Meta([1.0, 2.0], "owned")
    for f in (
        lambda: torch.add(m, torch.ones(2)),
        lambda: torch.mul(torch.ones(2), m),
        lambda: torch.nn.functional.relu(m),
        lambda: torch.ones(2) + m,
        lambda: torch.sum(m, dim=0),
        lambda: torch.nn.functional.softmax(m, dim=0),
    ):
        yield repr(f())


@parity
def test_a_scalar_that_is_no_tensor(torch):
    """Only functions that are registered work; classes that are not known are left to others."""
    handled = {}

    def implements(function):
        def register(f):
            handled[function] = f
            return f

        return register

    class Scaled:
        def __init__(self, n, value):
            self.n, self.value = n, value

        def tensor(self):
            return self.value * torch.eye(self.n)

        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            if func not in handled or not all(issubclass(t, (torch.Tensor, Scaled)) for t in types):
                return NotImplemented
            return handled[func](*args, **(kwargs or {}))

    def plain(x):
        return x.tensor() if isinstance(x, Scaled) else x

    @implements(torch.mean)
    def mean(x):
        return float(x.value) / x.n

    @implements(torch.add)
    def add(x, y):
        if isinstance(x, Scaled) and isinstance(y, Scaled):
            return Scaled(x.n, x.value + y.value)
        return torch.add(plain(x), plain(y))

    @implements(torch.nn.functional.mse_loss)
    def mse_loss(x, y, **kwargs):
        return torch.nn.functional.mse_loss(plain(x), plain(y), **kwargs)

    d = Scaled(2, 3.0)
    yield lambda: torch.mean(d)
    yield lambda: torch.add(d, d).value
    yield lambda: torch.add(d, torch.ones(2, 2))
    yield lambda: torch.add(torch.ones(2, 2), d)
    yield lambda: torch.nn.functional.mse_loss(d, torch.ones(2, 2))
    yield lambda: torch.ones(2, 2) + d
    yield lambda: d + torch.ones(2, 2)


@parity
def test_units(torch):
    class Unit(torch.Tensor):
        @staticmethod
        def of(values, unit):
            t = torch.as_tensor(values).as_subclass(Unit)
            t.unit = unit
            return t

        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            units = [a.unit for a in args if isinstance(a, cls) and hasattr(a, "unit")]
            result = super().__torch_function__(func, types, args, kwargs)
            if isinstance(result, cls):
                if func in (torch.Tensor.mul, torch.mul):
                    result.unit = "*".join(units)
                elif func in (torch.Tensor.add, torch.add) and len(set(units)) > 1:
                    raise ValueError(f"cannot add {units[0]} and {units[1]}")
                elif units:
                    result.unit = units[0]
            return result

    metres, seconds = Unit.of([1.0, 2.0], "m"), Unit.of([3.0, 4.0], "s")
    yield lambda: ((metres * seconds).unit, metres * seconds)
    yield lambda: (metres + metres).unit
    yield lambda: metres + seconds
    yield lambda: [torch.sum(metres).unit, metres[0].unit, torch.relu(metres).unit, metres.T.unit]
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    area = Unit.of(x * 1, "m") * Unit.of([2.0, 2.0], "m")
    yield area.unit, area
    area.sum().backward()
    yield x


@parity
def test_a_log_of_a_training_step(torch):
    log = []

    class Logged(torch.Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            log.append(func.__name__)
            return super().__torch_function__(func, types, args, kwargs or {})

    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2))
    x = torch.ones(5, 3).as_subclass(Logged)
    loss = torch.nn.functional.cross_entropy(net(x), torch.tensor([0, 1, 0, 1, 0]))
    loss.backward()
    yield log, type(loss).__name__, net[0].weight.grad is not None
    yield type(net[0].weight.grad).__name__


# -- without PyTorch -------------------------------------------------------------------------------


def test_dispatch_is_refused_by_name(torch):
    class Dispatching(torch.Tensor):
        @classmethod
        def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
            return func(*args)

    for make in (
        lambda: torch.ones(2).as_subclass(Dispatching),
        lambda: Dispatching([1.0]),
        lambda: torch.Tensor._make_subclass(Dispatching, torch.ones(2)),
    ):
        with pytest.raises(
            NotImplementedError, match="__torch_dispatch__, which Dispatching defines"
        ):
            make()
    with pytest.raises(NotImplementedError, match="_make_wrapper_subclass"):
        torch.Tensor._make_wrapper_subclass(torch.Tensor, (2,))


def test_lives(torch):
    class Sub(torch.Tensor):
        pass

    class Slotted(torch.Tensor):
        __slots__ = ("held",)

    class Token:
        pass

    for cls in (Sub, Slotted):
        s, token = cls([1.0, 2.0]), Token()
        s.held = token
        gone, s_gone = weakref.ref(token), weakref.ref(s)
        del token, s
        gc.collect()
        assert gone() is None and s_gone() is None
        cycle = cls([1.0])
        cycle.held = cycle
        gone = weakref.ref(cycle)
        del cycle
        gc.collect()
        assert gone() is None
    x = torch.ones(2, requires_grad=True)
    s = x.as_subclass(Sub)
    s.me = s
    y = s * s
    y.t = y
    gone = [weakref.ref(t) for t in (s, y)]
    del s, y
    gc.collect()
    assert [g() for g in gone] == [None, None]
    before = sys.getrefcount(Sub)
    for _ in range(100):
        (Sub([1.0]) + 1).sum()
    gc.collect()
    assert abs(sys.getrefcount(Sub) - before) < 5


def test_an_attribute_survives_on_the_graph(torch):
    """The object of a subclass lives as long as its tensor."""

    class Sub(torch.Tensor):
        pass

    s = torch.ones(2).as_subclass(Sub)
    p = torch.nn.Parameter(torch.ones(2))
    p.grad = s
    s.note = "kept"
    del s
    gc.collect()
    assert type(p.grad) is Sub and p.grad.note == "kept"


@parity
def test_shallow_copies(torch):
    class Sub(torch.Tensor):
        pass

    globals()["Sub"], Sub.__qualname__ = Sub, "Sub"  # where pickle finds it
    leaf = torch.tensor([1.0, 2.0]).as_subclass(Sub).requires_grad_()
    leaf.note = [1]
    for made in (copy.copy(leaf), pickle.loads(pickle.dumps(leaf)), copy.copy(leaf * 2)):
        yield made, made._is_view(), made.grad_fn.next_functions, getattr(made, "note", None)
    with torch.no_grad():
        yield copy.copy(leaf)
    plain = torch.tensor([1.0, 2.0]).as_subclass(Sub)
    made = copy.copy(plain)
    yield made, made._is_view(), made._base is plain, made.data_ptr() == plain.data_ptr()
    made = copy.copy(torch.tensor([1j]).as_subclass(Sub).conj())
    yield made + 0, made.is_conj()


@parity(which=["kept", "told"], operands=["ss", "sx", "xs"])
def test_dual_tensors_of_a_class(torch, which, operands):
    fwad = torch.autograd.forward_ad
    calls = []

    class Sub(torch.Tensor):
        if which == "told":

            @classmethod
            def __torch_function__(cls, func, types, args=(), kwargs=None):
                calls.append((func.__name__, [t.__name__ for t in types], len(args), kwargs))
                return super().__torch_function__(func, types, args, kwargs or {})

    made = {"s": lambda: torch.ones(2).as_subclass(Sub), "x": lambda: torch.full((2,), 3.0)}
    with fwad.dual_level():
        dual = fwad.make_dual(*(made[o]() for o in operands))
        kinds = [type(t).__name__ for t in (dual, *fwad.unpack_dual(dual))]
        kinds += [type(t).__name__ for t in fwad.unpack_dual(dual * 2)]
        yield kinds, calls
        yield fwad.unpack_dual(dual * dual).tangent.as_subclass(torch.Tensor)
