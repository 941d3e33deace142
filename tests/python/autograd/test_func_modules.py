"""Modules as functions: `torch.func.functional_call`, `stack_module_state`, and gradients through them."""

from __future__ import annotations

import re
import warnings

from parity import SUMMED, data, numbers, parity, table

SETUP = """
class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(2, 2)
        self.b = nn.Linear(2, 2)
        self.b.weight = self.a.weight
        self.register_buffer("k", torch.ones(2))
        self.register_buffer("none", None)

    def forward(self, x, shift=0):
        return self.b(self.a(x)) * self.k + shift

class Counting(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("n", torch.zeros(1))
        self.l = nn.Linear(1, 1, bias=False)

    def forward(self, x, how="in place"):
        if how == "in place":
            self.n.add_(1)
        elif how == "assigned":
            self.n = self.n + 1
        elif how == "parameter":
            self.l.weight = nn.Parameter(torch.ones(1, 1))
        else:
            raise KeyError(how)
        return x * self.n + self.l(x)

call = torch.func.functional_call
stack = torch.func.stack_module_state
torch.manual_seed(0)
m = Tied()
for p in m.parameters(): p.data = data(*p.shape)
c = Counting(); c.l.weight.data = data(1, 1)
x = data(1, 2)
one = torch.ones(1, 1)
z = torch.zeros(2, 2)
P, B = dict(m.named_parameters()), dict(m.named_buffers())
def state(of): return {**dict(of.named_parameters(remove_duplicate=False)), **dict(of.named_buffers())}
"""

test_functional_call = table(
    """
call(m, {}, (x,))
call(m, {}, x)
call(m, {}, None, {"x": x})
call(m, {}, (x,), {"shift": 3})
call(m, {}, (x, 3.0))
call(m, {"a.weight": z}, (x,)); state(m)
call(m, {"a.weight": z}, (x,), tie_weights=False)
call(m, {"b.weight": z}, (x,))
call(m, {"a.weight": z, "b.weight": z}, (x,))
call(m, {"a.weight": z, "b.weight": z + 1}, (x,), tie_weights=False)
call(m, {"k": z[0]}, (x,)); state(m)
call(m, {**P, **B}, (x,), strict=True)
call(m, (P, B), (x,))
call(m, [{"a.weight": z}, {"k": torch.zeros(2)}], (x,))
call(m, {"zz": z}, (x,)); hasattr(m, "zz")
call(m, {"a.zz": z}, (x,)); hasattr(m.a, "zz")
d = {"n": torch.zeros(1)}; call(c, d, (one,)); d; state(c)
d = {"n": torch.zeros(1)}; call(c, d, (one, "assigned")); d; state(c)
d = {"l.weight": torch.zeros(1, 1)}; call(c, d, (one, "parameter")); state(c)
d = {"n": torch.ones(1)}; call(c, d, (one, "parameter")); d; c.l.weight
call(m, {}, [x])
call(m, {})
call(m, {"a.weight": z, "b.weight": z + 1}, (x,))
call(m, {"zz": z}, (x,), strict=True)
call(m, {}, (x,), strict=True)
call(m, P, (x,), strict=True)
call(m, {**P, **B, "q": z}, (x,), strict=True)
call(m, (P, P), (x,))
call(m, 3, (x,))
call(m, (3,), (x,))
call(m, {"a.weight": 3}, (x,))
call(m, {"": z}, (x,))
call(m, {"a": z}, (x,))
torch.nn.utils.stateless.functional_call(m, {"a.weight": z}, (x,))
""",
    setup=SETUP,
    tol=SUMMED,
)


@parity(
    name=(
        "a.1.weight",
        "b.weight",
        "a.0.weight.x",
        "k.x",
        "k",
        "a.0",
        ".a",
        "forward.x",
        "a.0.foo",
        "",
    )
)
def test_names_that_are_not_there(torch, name):
    class Two(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.a = torch.nn.Sequential(torch.nn.Identity())
            self.a[0].weight = torch.nn.Parameter(torch.ones(2))
            self.k = 3

        def forward(self, x):
            return x * self.a[0].weight

    try:
        found = torch.func.functional_call(Two(), {name: torch.ones(2)}, torch.ones(2))
    except (AttributeError, TypeError, KeyError) as error:
        found = type(error).__name__, re.sub("0x[0-9a-f]+|at .*? of", "", str(error))
    yield found


@parity
def test_the_module_is_restored_after_an_error(torch):
    class Fails(torch.nn.Linear):
        def forward(self, x):
            raise KeyError("inside")

    m = Fails(2, 2)
    weight = m.weight
    yield lambda: torch.func.functional_call(m, {"weight": torch.zeros(2, 2)}, (torch.ones(2),))
    yield m.weight is weight, list(m._parameters)


test_stack_module_state = table(
    """
stack([nn.Linear(2, 3) for _ in range(3)])[0].keys()
[(v.shape, v.requires_grad, v.is_leaf) for v in stack([nn.Linear(2, 3) for _ in range(3)])[0].values()]
stack([m, m])
stack([m])
stack(nn.ModuleList([m, m]))[1]
[setattr(l.weight, "requires_grad", False) for l in (m.a,)]; stack([m, m])[0]["a.weight"].requires_grad
stack([])
stack([m, m.a])
l = [nn.Linear(2, 2), nn.Linear(2, 2)]; l[0].eval(); stack(l)
l = [nn.Linear(2, 2), nn.Linear(2, 2)]; l[1].weight.requires_grad_(False); stack(l)
stack([nn.Linear(2, 2), nn.Linear(3, 2)])
""",
    setup=SETUP,
    tol=SUMMED,
)


def network(torch):
    net = torch.nn.Sequential(
        torch.nn.Linear(3, 5), torch.nn.Tanh(), torch.nn.Linear(5, 2)
    ).double()
    for i, p in enumerate(net.parameters()):
        p.data = data(torch, *p.shape, dtype="float64", salt=i)
    return net


@parity(as_they_are=(False, True), tol=SUMMED)
def test_gradients_by_the_parameters(torch, as_they_are):
    net = network(torch)
    x = data(torch, 4, 3, dtype="float64")
    y = data(torch, 4, 2, dtype="float64", salt=1)
    params = {k: p if as_they_are else p.detach() for k, p in net.named_parameters()}

    def loss(p, x, y):
        return ((torch.func.functional_call(net, p, (x,)) - y) ** 2).mean()

    grads, value = torch.func.grad_and_value(loss)(params, x, y)
    yield grads, value
    with torch.no_grad():
        yield torch.func.grad(loss)(params, x, y)
    yield [p.grad for p in net.parameters()]
    per_sample = [torch.func.grad(loss)(params, x[i : i + 1], y[i : i + 1]) for i in range(4)]
    yield {k: sum(g[k] for g in per_sample) / 4 for k in grads}
    ((net(x) - y) ** 2).mean().backward()
    yield [p.grad for p in net.parameters()]


@parity(tol=SUMMED)
def test_tied_weights_get_one_gradient(torch):
    class Tied(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.a = torch.nn.Linear(3, 3, bias=False)
            self.b = torch.nn.Linear(3, 3, bias=False)
            self.b.weight = self.a.weight

        def forward(self, x):
            return self.b(self.a(x).tanh())

    m = Tied().double()
    m.a.weight.data = data(torch, 3, 3, dtype="float64")
    x = data(torch, 2, 3, dtype="float64", salt=1)
    f = lambda p: torch.func.functional_call(m, p, (x,)).sum()  # noqa: E731
    yield torch.func.grad(f)({k: v.detach() for k, v in m.named_parameters()})
    m(x).sum().backward()
    yield m.a.weight


@parity(tol=SUMMED)
def test_a_module_in_the_closure_learns_through_a_transform(torch):
    net = network(torch)
    x = data(torch, 4, 3, dtype="float64")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sensitivity = torch.func.jacrev(lambda a: net(a).sum(0))(x)
    (sensitivity**2).sum().backward()
    yield [p.grad for p in net.parameters()]
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    for _ in range(3):
        optimizer.zero_grad()
        g = torch.func.grad(lambda a: net(a).sum())(x)
        ((g.norm(dim=1) - 1) ** 2).mean().backward()
        optimizer.step()
    yield [p.detach() for p in net.parameters()]


@parity
def test_functionalize_and_debug_unwrap(torch):
    x = data(torch, 3)
    yield torch.func.functionalize(lambda a: a.clone().add_(1))(x)
    yield torch.func.functionalize(lambda a, b: (a, b))(x, 2)[1]
    yield lambda: torch.func.functionalize(lambda a: a, remove="views")(x)
    yield torch.func.functionalize(lambda a: a * 2, remove="mutations_and_views")(x)
    yield torch.func.debug_unwrap(x) is x
    seen = []
    torch.func.grad(lambda a: (seen.append(torch.func.debug_unwrap(a * 2)), a.sum())[1])(x)
    yield [t.tolist() for t in seen], [t.requires_grad for t in seen]


@parity(
    tol=SUMMED, name=("SGD", "momentum", "Adam", "AdamW", "RMSprop", "Adagrad"), fresh=(False, True)
)
def test_optimizers_of_captured_parameters_are_refused(torch, name, fresh):
    layer = torch.nn.Linear(2, 1)
    with torch.no_grad():
        for p in layer.parameters():
            p.fill_(0.5)
    make, options = getattr(torch.optim, "SGD" if name == "momentum" else name), {"lr": 0.1}
    if name == "momentum":
        options["momentum"] = 0.9
    optimizer = make(layer.parameters(), **options)
    for p in layer.parameters():
        p.grad = torch.ones_like(p)
    if not fresh:
        optimizer.step()

    def step(x):
        optimizer.step()
        return x.sum()

    x = torch.ones(3)
    yield lambda: torch.func.grad(step)(x)
    if not fresh:  # else the state that the failed step has left is of the transform
        yield lambda: torch.func.vjp(step, x)
    yield numbers(torch, layer.weight)
