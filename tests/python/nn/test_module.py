"""Module, containers and layers: registration, state, hooks, printing, messages."""

import copy
import pickle
from collections import OrderedDict

import pytest
from nn.engines import agree, failure


def net(torch):
    nn = torch.nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 3, bias=False))
            self.scale = nn.Parameter(torch.ones(3))
            self.tied = self.scale
            self.register_buffer("mean", torch.arange(3.0))
            self.register_buffer("cache", torch.ones(2), persistent=False)
            self.register_buffer("none", None)
            self.mark = nn.Buffer(torch.zeros(1))
            self.absent = None
            self.register_parameter("missing", None)
            self.again = self.body[0]

        def forward(self, x):
            return self.body(x) * self.scale + self.mean

    return Net()


def test_iteration():
    def case(torch):
        m = net(torch)
        flags = {"remove_duplicate": False}
        return [
            [name for name, _ in m.named_parameters()],
            [name for name, _ in m.named_parameters("p", **flags)],
            [name for name, _ in m.named_parameters(recurse=False)],
            [name for name, _ in m.named_buffers()],
            [name for name, _ in m.named_modules()],
            [name for name, _ in m.named_modules(prefix="x", **flags)],
            [name for name, _ in m.named_children()],
            len(list(m.parameters())),
            len(list(m.buffers())),
            len(list(m.modules())),
            len(list(m.children())),
            list(m.state_dict()),
            {k: v["version"] for k, v in m.state_dict()._metadata.items()},
            [n for n in dir(m) if n in ("body", "scale", "mean", "forward", "0", "training")],
        ]

    agree(case)


def test_forward_and_gradients():
    def case(torch):
        m = net(torch)
        y = m(torch.ones(4, 2))
        y.sum().backward()
        return y, {n: p.grad for n, p in m.named_parameters()}

    agree(case)


def test_printing():
    def case(torch):
        nn = torch.nn
        linears = [nn.Linear(1, 1) for _ in range(3)]
        modules = [
            net(torch),
            nn.ModuleList([*linears, nn.ReLU()]),
            nn.ModuleList(),
            nn.ModuleDict({"a": nn.ReLU(), "b": nn.Sequential(nn.Tanh(), nn.Sequential())}),
            nn.ParameterList([torch.ones(2, 3), 3, "x"]),
            nn.ParameterDict({"w": torch.ones(2), "n": 1}),
            nn.Sequential(OrderedDict(first=nn.Identity(), second=nn.Flatten())),
        ]
        return [repr(m) for m in modules] + [repr(nn.Parameter(torch.ones(2)))]

    agree(case)


LAYERS = """
Identity() Linear(2, 3) Linear(2, 3, bias=False) Bilinear(2, 3, 4) Embedding(5, 3)
Embedding(5, 3, padding_idx=-1, max_norm=2.0, norm_type=1, scale_grad_by_freq=True) Dropout()
Dropout(0.2, True) LayerNorm(4) LayerNorm((2, 3), elementwise_affine=False) RMSNorm(4)
LayerNorm(4, bias=False) Flatten() Unflatten(1, (2, 3)) ReLU() ReLU(True) LeakyReLU()
LeakyReLU(0.1, True) ELU() ELU(0.5, True) CELU() SELU() GELU() GELU("tanh") SiLU() SiLU(True)
Mish() Softplus() Softplus(2, 5) Sigmoid() Tanh() Hardtanh() Hardtanh(-2, 2, True) ReLU6()
ReLU6(True) LogSigmoid() Softmax() Softmax(1) LogSoftmax(dim=-1) Softmin(0) Softmax2d()
Softsign() Tanhshrink() Hardshrink() Softshrink(0.1) Hardsigmoid() Hardswish(True)
Threshold(1, 2) Threshold(1, 2, True) PReLU() PReLU(3) GLU() MSELoss() L1Loss() SmoothL1Loss()
HuberLoss() NLLLoss() CrossEntropyLoss(label_smoothing=0.1) BCELoss() BCEWithLogitsLoss()
KLDivLoss(reduction="batchmean")
"""


@pytest.mark.parametrize("text", [t + ")" for t in LAYERS.replace("\n", " ").split(") ")[:-1]])
def test_layer(text):
    """Initial values, state and printing; the constants make equal random numbers visible."""

    def case(torch):
        layer = eval("nn." + text.strip(), {"nn": torch.nn})
        return repr(layer), layer.state_dict(), torch.rand(1), sorted(layer.__constants__)

    def without_constants(torch):
        layer = eval("nn." + text.strip(), {"nn": torch.nn})
        return repr(layer), layer.state_dict(), torch.rand(1)

    has = "Linear Embedding Loss".split()
    agree(
        case if any(word in text for word in has) and "BCEWith" not in text else without_constants
    )


def test_layers_compute():
    def case(torch):
        nn = torch.nn
        x = torch.linspace(-3, 3, 24).view(2, 3, 4)
        layers = [nn.LayerNorm(4), nn.RMSNorm((3, 4)), nn.Softmax(2), nn.PReLU(3), nn.GLU()]
        layers += [nn.Flatten(), nn.Unflatten(1, (3, 1)), nn.Hardtanh(-1, 2), nn.Linear(4, 2)]
        layers += [nn.LogSoftmax(1), nn.Softmin(0), nn.Softmax2d(), nn.Threshold(0.5, 9)]
        bilinear = nn.Bilinear(4, 4, 2)(x, x * 2)
        table = nn.Embedding.from_pretrained(torch.arange(6.0).view(3, 2), padding_idx=1)
        found = table(torch.tensor([[0, 2]])), table.weight.requires_grad
        return [layer(x) for layer in layers], bilinear, found

    agree(case)


def test_bad_layers():
    def case(torch):
        nn = torch.nn
        attempts = [
            lambda: nn.Dropout(1.5),
            lambda: nn.Embedding(3, 2, padding_idx=3),
            lambda: nn.Unflatten(0, 3),
            lambda: nn.Unflatten(0, (1.5,)),
            lambda: nn.Softmax2d()(torch.ones(2)),
            lambda: nn.Bilinear(0, 1, 1),
            lambda: nn.Embedding.from_pretrained(torch.ones(2)),
        ]
        return [failure(attempt) for attempt in attempts]

    agree(case)


def test_registration_errors():
    def case(torch):
        nn = torch.nn
        m = net(torch)

        class NoInit(nn.Module):
            def __init__(self):
                pass

        bare = NoInit()
        p = nn.Parameter(torch.ones(1))
        attempts = [
            lambda: setattr(m, "scale", torch.zeros(3)),
            lambda: setattr(m, "scale", 3),
            lambda: setattr(m, "body", 3),
            lambda: setattr(m, "mean", "s"),
            lambda: m.register_parameter("a.b", None),
            lambda: m.register_parameter("", None),
            lambda: m.register_parameter(3, None),
            lambda: m.register_parameter("forward", None),
            lambda: m.register_parameter("x", torch.zeros(2)),
            lambda: m.register_parameter("x", 3),
            lambda: m.register_buffer("a.b", None),
            lambda: m.register_buffer("", None),
            lambda: m.register_buffer(3, None),
            lambda: m.register_buffer("scale", None),
            lambda: m.register_buffer("x", 3),
            lambda: m.add_module("a.b", None),
            lambda: m.add_module("", None),
            lambda: m.add_module(3, None),
            lambda: m.add_module("forward", None),
            lambda: m.add_module("x", 3),
            lambda: setattr(bare, "a", nn.ReLU()),
            lambda: setattr(bare, "a", p),
            lambda: setattr(bare, "a", nn.Buffer(torch.zeros(1))),
            lambda: bare.register_buffer("a", None),
            lambda: bare.register_parameter("a", None),
            lambda: m.zork,
            lambda: delattr(m, "zork"),
            lambda: m.get_submodule("zork"),
            lambda: m.get_submodule("scale"),
            lambda: m.get_submodule("body.7"),
            lambda: m.get_parameter("body"),
            lambda: m.get_parameter("q.s"),
            lambda: m.get_buffer("scale"),
            lambda: m.set_submodule("", m),
            lambda: m.set_submodule("a.b", m),
            lambda: m.set_submodule("zz", m, strict=True),
            lambda: m.set_submodule("scale", m),
            lambda: m.set_submodule("body", 3),
            lambda: nn.Module()(1),
            lambda: nn.Module(3),
            lambda: nn.Module(a=3),
            lambda: m.train(3),
            lambda: m.to(torch.int32),
            lambda: nn.Parameter(torch.arange(3)),
            lambda: nn.ParameterList([])(1),
        ]
        return [failure(attempt) for attempt in attempts]

    agree(case)


def test_reassignment():
    def case(torch):
        nn = torch.nn
        m = net(torch)
        m.scale = None
        m.mean = torch.ones(3) * 2
        m.absent = nn.Parameter(torch.ones(1))
        m.body[1] = nn.Tanh()
        m.cache = None
        m.mark = nn.Parameter(torch.ones(2))
        m.set_submodule("extra", nn.ReLU())
        del m.none, m.again
        m.extra = None
        return repr(m), m.state_dict(), list(m._parameters), list(m._buffers), list(m._modules)

    agree(case)


def test_state_dict():
    def case(torch):
        m, other = net(torch), net(torch)
        state = m.state_dict()
        shared = state["scale"].data_ptr() == m.scale.data_ptr(), state["scale"].requires_grad
        loaded = repr(other.load_state_dict(state))
        m.scale.data.fill_(9)
        bad = {"scale": torch.ones(4), "mean": 3, "zork": torch.ones(1), "body.9.x": torch.ones(1)}
        return [
            shared,
            loaded,
            other.state_dict(),
            failure(lambda: m.load_state_dict({})),
            failure(lambda: m.load_state_dict(bad)),
            failure(lambda: m.load_state_dict(3)),
            repr(m.load_state_dict({"scale": torch.zeros(3), "u": 1}, strict=False)),
            m.scale,
            list(m.state_dict(prefix="p.")),
            type(m.state_dict(keep_vars=True)["scale"]) is torch.nn.Parameter,
            list(m.state_dict({}, "q.")),
        ]

    agree(case)


def test_load_with_assign():
    def case(torch):
        m = torch.nn.Linear(2, 1)
        weight = torch.ones(1, 2, dtype=torch.float64)
        m.load_state_dict({"weight": weight, "bias": torch.zeros(1)}, assign=True)
        same = m.weight.data_ptr() == weight.data_ptr()
        return same, m.weight, m.weight.requires_grad, isinstance(m.weight, torch.nn.Parameter)

    agree(case)


def test_extra_state_and_state_hooks():
    def case(torch):
        log = []

        class Extra(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.child = torch.nn.Linear(1, 1)
                self.extra = 1

            def get_extra_state(self):
                return {"a": self.extra}

            def set_extra_state(self, state):
                self.extra = state["a"]

        m, other = Extra(), Extra()
        m.extra = 7
        m.register_state_dict_pre_hook(lambda *a: log.append(("pre", a[1:])))
        m.register_state_dict_post_hook(lambda mod, d, p, meta: d.update(more=torch.ones(1)))
        other.register_load_state_dict_pre_hook(lambda mod, d, *a: d.pop("more"))
        other.register_load_state_dict_post_hook(lambda mod, keys: log.append(repr(keys)))
        state = m.state_dict()
        other.load_state_dict(state)
        return [
            list(state),
            other.extra,
            log,
            failure(lambda: Extra().load_state_dict({})),
            failure(lambda: torch.nn.Linear(2, 2).load_state_dict(Extra().state_dict())),
        ]

    agree(case)


def test_forward_hooks():
    def case(torch):
        log = []
        m = torch.nn.Linear(1, 1)
        m.weight.data.fill_(2)
        m.bias.data.fill_(0)
        m.register_forward_pre_hook(lambda mod, args: (args[0] + 1,))
        m.register_forward_pre_hook(lambda mod, args: log.append("first"), prepend=True)
        m.register_forward_pre_hook(lambda mod, args, kwargs: (args, {**kwargs}), with_kwargs=True)
        handle = m.register_forward_hook(lambda mod, args, out: out * 10)
        m.register_forward_hook(
            lambda mod, args, kwargs, out: log.append((len(args), kwargs)), with_kwargs=True
        )
        first = m(torch.ones(1))
        handle.remove()
        handle.remove()
        with m.register_forward_hook(lambda mod, args, out: -out, prepend=True):
            second = m(torch.ones(1))
        third = m(torch.ones(1))
        m.register_forward_pre_hook(lambda *a: 3, with_kwargs=True)
        return first, second, third, log, failure(lambda: m(torch.ones(1)))

    agree(case)


def test_hooks_that_always_run():
    def case(torch):
        log = []

        class Bad(torch.nn.Module):
            def forward(self, x):
                raise ValueError("no")

        m = Bad()
        m.register_forward_hook(lambda *a: log.append(a[1:]), always_call=True)
        m.register_forward_hook(lambda *a: 1 / 0, always_call=True)
        m.register_forward_hook(lambda *a: log.append("never"))
        return failure(lambda: m(1)), log

    agree(case)


def test_hooks_of_all_modules():
    def case(torch):
        from importlib import import_module

        module = import_module(torch.nn.Module.__module__)
        log = []
        handles = [
            module.register_module_forward_pre_hook(lambda m, a: log.append(type(m).__name__)),
            module.register_module_forward_hook(lambda m, a, out: log.append(out.sum().item())),
            module.register_module_parameter_registration_hook(
                lambda m, name, p: log.append(("parameter", name))
            ),
            module.register_module_buffer_registration_hook(
                lambda m, name, b: log.append(("buffer", name))
            ),
            module.register_module_module_registration_hook(
                lambda m, name, s: log.append(("module", name))
            ),
        ]
        m = torch.nn.Sequential(torch.nn.Tanh(), torch.nn.ReLU())
        m.register_buffer("b", None)
        m.p = torch.nn.Parameter(torch.ones(1))
        m(torch.ones(2))
        for handle in handles:
            handle.remove()
        m(torch.ones(2))
        return log

    agree(case)


def test_conversions():
    def case(torch):
        m = net(torch)
        m.register_buffer("count", torch.tensor([3]))
        weight = m.body[0].weight
        m(torch.ones(1, 2)).sum().backward()
        m.double()
        dtypes = [str(t.dtype) for t in m.state_dict().values()]
        kept = m.body[0].weight is weight, str(weight.grad.dtype), weight.is_leaf
        m.to(torch.float16).bfloat16().half().float().type(torch.float64).cpu()
        m.to("cpu", torch.float32).to(torch.ones(1, dtype=torch.float64)).to(device="cpu")
        m.requires_grad_(False)
        m.eval()
        m.apply(lambda mod: setattr(mod, "seen", True))
        flags = [(mod.training, mod.seen) for mod in m.modules()]
        m.train()
        m.zero_grad()
        after = [str(t.dtype) for t in m.state_dict().values()]
        return dtypes, kept, after, flags, [p.requires_grad for p in m.parameters()], weight.grad

    agree(case)


def test_copy_and_pickle():
    def case(torch):
        m = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU())
        m.tied = m[0].weight
        m[0].bias.requires_grad_(False)
        first, second = copy.deepcopy(m), pickle.loads(pickle.dumps(m))
        m[0].weight.data.zero_()
        shallow = copy.copy(m)
        p = pickle.loads(pickle.dumps(torch.nn.Parameter(torch.ones(2), requires_grad=False)))
        return [
            [first.state_dict(), second.state_dict()],
            [c.tied is c[0].weight for c in (first, second, shallow)],
            [q.requires_grad for q in second.parameters()],
            [isinstance(q, torch.nn.Parameter) for q in first.parameters()],
            shallow[0].weight is m[0].weight,
            [p, p.requires_grad, isinstance(p, torch.nn.Parameter)],
        ]

    agree(case)


def test_parameter_and_buffer_types():
    def case(torch):
        nn = torch.nn
        p, b = nn.Parameter(torch.ones(2)), nn.Buffer(torch.ones(2), persistent=False)
        checks = [isinstance(p, nn.Parameter), isinstance(p, torch.Tensor)]
        checks += [isinstance(b, nn.Buffer), isinstance(torch.ones(1), nn.Buffer), b.persistent]
        checks += [isinstance(p * 2, nn.Parameter), isinstance(p.detach(), nn.Parameter)]
        checks += [type(p + 1) is torch.Tensor, p.is_leaf, p.requires_grad]
        base = torch.zeros(2)
        nn.Parameter(base).data.add_(1)
        return checks, base, nn.Parameter(), nn.Parameter(p) is p

    agree(case)


def test_containers():
    def case(torch):
        nn = torch.nn
        a, b, c = nn.ReLU(), nn.Tanh(), nn.Sigmoid()
        s = nn.Sequential(a, b, c)
        out = [repr(s[1:]), repr(s[-1]), len(s), failure(lambda: s[3]), s.pop(0) is a, repr(s)]
        s.insert(0, a).append(nn.ELU()).extend([b])
        del s[1]
        out += [repr(s), repr(s + nn.Sequential(a)), repr(s * 2), failure(lambda: s + 1)]
        out += [failure(lambda: s * 0), failure(lambda: s * "x"), failure(lambda: s.insert(9, a))]
        s += nn.Sequential(c)
        del s[1:3]
        out += [repr(s)]
        m = nn.ModuleList([a, b])
        m += [c]
        m.insert(1, c)
        m[0] = nn.ELU()
        del m[-1]
        out += [repr(m), repr(m[1:]), repr(m + [a]), m.pop(0) is a, failure(lambda: m.extend(3))]
        out += [failure(lambda: m[7]), failure(lambda: m(1))]
        d = nn.ModuleDict([("x", a)])
        d.update({"y": b})
        d["z"] = c
        out += [list(d.keys()), "x" in d, d.pop("x") is a, len(d), [k for k, _ in d.items()]]
        out += [
            failure(lambda: d.update(3)),
            failure(lambda: d.update([3])),
            failure(lambda: d["q"]),
        ]
        out += [failure(lambda: d.update([(1, 2, 3)]))]
        d.clear()
        out += [repr(d), list(d.values())]
        return out

    agree(case)


def test_parameter_containers():
    def case(torch):
        nn = torch.nn
        p = nn.ParameterList([torch.ones(1), nn.Parameter(torch.zeros(2)), "x"])
        p.append(torch.ones(3)).extend([4])
        p[0] = torch.ones(2) * 7
        p += [torch.zeros(1)]
        out = [repr(p), len(p), list(p.state_dict()), p[-1], repr(p[1:3]), failure(lambda: p[9])]
        d = nn.ParameterDict({"b": torch.ones(1), "a": torch.zeros(1)})
        d["c"] = nn.Parameter(torch.ones(2))
        d.setdefault("d", torch.ones(3))
        out += [list(d), list(d.state_dict()), d.get("zz", 5), d.pop("a"), d.popitem()[0], "b" in d]
        out += [list(reversed(d)), repr(d | nn.ParameterDict({"q": torch.ones(1)})), repr(d.copy())]
        out += [repr(d.fromkeys(["u", "v"], torch.ones(1))), failure(lambda: d["zz"])]
        out += [failure(lambda: d.update(3)), failure(lambda: d(1)), failure(lambda: d[3])]
        d.clear()
        return [*out, len(d), len(list(p.parameters()))]

    agree(case)


def test_names_that_do_not_exist(torch):
    with pytest.raises(AttributeError, match="Conv2d"):
        _ = torch.nn.Conv2d
