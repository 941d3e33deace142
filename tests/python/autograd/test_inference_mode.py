"""inference_mode as manager and decorator, and what inference tensors may do where.

A case is a line of code, or a program whose steps all run. `inside(f)` calls f in the mode: i is an inference
tensor, `leaf` one that requires grad; n, p and q are a normal constant, leaf and result; vn, vp, vq and vi are views
of them made in the mode, dn and dq their detached forms.
"""

# ruff: noqa: E501 (one case per line)
from __future__ import annotations

from parity import scripts, table

SETUP = """
import copy, functools, inspect, io, pickle, threading
im, no_grad, enable_grad, on, infers = torch.inference_mode, torch.no_grad, torch.enable_grad, torch.is_grad_enabled, torch.is_inference_mode_enabled
seen = []
def inside(f, *a):
    with im(): return f(*a)
def modes(): return on(), infers(), torch.ones(1).is_inference()
def raises(f, *a):
    try: f(*a)
    except BaseException as error: return type(error).__name__, str(error)
def apart(f, *a):
    told = []
    thread = threading.Thread(target=lambda: told.extend(f(*a)))
    thread.start()
    thread.join()
    return told
def crossed(a, b):
    for step in (a.__enter__, b.__enter__, lambda: a.__exit__(None, None, None), lambda: b.__exit__(None, None, None)):
        step()
        yield modes()
def twice(m):
    for step in (m.__enter__, m.__enter__, lambda: m.__exit__(None, None, None), lambda: m.__exit__(None, None, None)):
        step()
        yield modes()
"""
TENSORS = (
    SETUP
    + """
n = torch.ones(2)
p = torch.ones(2, requires_grad=True)
q = p * 2
i, leaf = inside(lambda: (torch.ones(2), torch.ones(2, requires_grad=True)))
vn, vp, vq, vi, dn, dq = inside(lambda: (n.view(2), p.view(2), q.view(2), i.view(2), n.detach(), q.detach()))
"""
)

test_managers = table(
    """
inside(modes), modes()
m = im(); a = m.__enter__(); b = modes(); c = m.__exit__(None, None, None); a, b, c; modes()
with im() as z: seen.append(modes())
with im(True): seen.append(modes())
with im(False): seen.append(modes())
with im(mode=False): seen.append(modes())
with no_grad(), im(False): seen.append(modes())
with im(), im(): seen.append(modes())
with im(), im(False): seen.append(modes())
with im(), im(False), im(): seen.append(modes())
with im(), no_grad(): seen.append(modes())
with im(), enable_grad(): seen.append(modes())
with im(), torch.set_grad_enabled(True): seen.append(modes())
with im(), torch.set_grad_enabled(False): seen.append(modes())
with im(), enable_grad(), im(False), no_grad(), im(): seen.append(modes())
inside(torch.set_grad_enabled, True); modes()
inside(torch.set_grad_enabled, False); modes()
torch.set_grad_enabled(False); inside(torch.set_grad_enabled, True); modes()
torch.set_grad_enabled(False); inside(modes); modes()
m = no_grad(); m.__enter__(); k = im(); k.__enter__(); m.__exit__(None, None, None); a = modes(); k.__exit__(None, None, None); a, modes()
k = im(); k.__enter__(); m = no_grad(); m.__enter__(); k.__exit__(None, None, None); a = modes(); m.__exit__(None, None, None); a, modes()
apart(crossed, im(), im(False)), apart(crossed, im(False), im()), apart(crossed, no_grad(), im()), apart(crossed, im(), no_grad()); modes()
apart(twice, im()), apart(twice, im(False)); modes()
m = im(); m.__enter__(); del m; modes()
m = im(); m.__enter__(); m = None; modes()
im().__enter__(); modes()
raises(im().__exit__, None, None, None)
m = im(); m.__enter__(); m.__exit__(1, 2, 3); m.__exit__(None, None, None); modes()
m = im(); m.mode; vars(m); hasattr(m, "prev")
m = im(False); m.mode; m.clone().mode; m.clone() is m; type(m.clone()).__name__
k = torch._C._InferenceMode(True); a = modes(); k.__enter__(); b = modes(); k.__exit__(None, None, None); a, b, modes()
g = torch.autograd.grad_mode._enter_inference_mode(True); a = modes(); torch.autograd.grad_mode._exit_inference_mode(g); a, modes()
g = torch.autograd.grad_mode._enter_inference_mode(False); a = modes(); torch.autograd.grad_mode._exit_inference_mode(g); a, modes()
raises(inside, lambda: 1 / 0); modes()
raises(inside, lambda: inside(lambda: 1 / 0)); modes()
raises(inside, lambda: torch.ones(2) + torch.ones(3)); modes()
im(True, False)
im(foo=True)
im(mode=1)
type(im(1)).__name__; im(1)()
type(im(None)).__name__; im(None)()
type(im("a")).__name__
im.__module__, im.__name__, im.__qualname__
torch.autograd.inference_mode is im, torch.autograd.grad_mode.inference_mode is im
repr(im())[:48], bool(im.__doc__)
isinstance(im(), torch.autograd.grad_mode._DecoratorContextManager), issubclass(im, torch.autograd.grad_mode._NoParamDecoratorContextManager)
torch.is_inference(torch.ones(1)), torch.is_inference(inside(torch.ones, 1)), torch.is_inference(input=torch.ones(1))
torch.is_inference(3)
torch.is_inference()
torch.is_inference(torch.ones(1), 2)
torch.ones(1).is_inference(), inside(torch.ones, 1).is_inference(), torch.Tensor.is_inference(torch.ones(1))
torch.ones(1).is_inference(1)
"inference_mode" in torch.__all__, "is_inference_mode_enabled" in torch.__all__, "inference_mode" in torch.autograd.__all__, "inference_mode" in torch.autograd.grad_mode.__all__
inside(apart, modes), modes()
apart(lambda: [im().__enter__()]); modes()
apart(inside, modes), modes()
""",
    setup=SETUP,
)

test_decorators = table(
    """
f = im()(modes); f(), modes()
f = im(modes); f(), modes()
f = im(True)(modes); f(), modes()
f = im(mode=modes); f(), modes()
f = im(False)(modes); f(), inside(f), modes()
f = no_grad()(im(False)(modes)); f(), modes()
f = im()(enable_grad()(modes)); f(); modes()
f = enable_grad()(im()(modes)); f(); modes()
f = im()(im(False)(modes)); f(); modes()
m = im(); f = m(modes); f(), inside(f); m.__enter__(); a = f(); m.__exit__(None, None, None); a, modes()
f = im()(lambda *a, **k: (a, k)); f(1, 2, mode=3, self=4, func=5)
f = im()(lambda n: modes() if n == 0 else f(n - 1)); f(3), modes()
f = im()(lambda n: modes() if n == 0 else g(n - 1)); g = im(False)(lambda n: modes() if n == 0 else f(n - 1)); f(3), g(3), f(2), g(2), modes()
f = im()(lambda: 1 / 0); raises(f); modes()
f = im()(lambda: torch.set_grad_enabled(True)); f(); modes()
f = im()(modes); f.__name__, f.__wrapped__ is modes, f.__module__, f.__doc__
f = im(modes); f.__name__, f.__wrapped__ is modes, str(inspect.signature(f))
C = type("C", (), {"run": im()(lambda self: modes())}); C().run(), modes()
C = type("C", (), {"run": staticmethod(im()(modes))}); C.run(), C().run(), modes()
C = type("C", (), {"run": classmethod(im(lambda cls: (cls.__name__, modes())))}); C.run(), modes()
C = type("C", (), {"run": property(im()(lambda self: modes()))}); C().run, modes()
C = im(nn.Linear); C
C = im()(nn.Linear); m = C(2, 1); m.weight.is_inference(), m.weight.requires_grad
C = im(False)(nn.Linear); m = C(2, 1); m.weight.is_inference(); inside(C, 2, 1).weight.is_inference()
f = im()(functools.partial(modes)); f(); modes()
f = im()(functools.lru_cache(modes)); f(); f(); modes()
f = im()(len); f([1, 2])
f = im()(torch.neg); f(torch.ones(1)).is_inference(); f.__name__
f = im(nn.Linear(2, 1)); f(torch.ones(2)).is_inference()
f = im()(3); f()
f = im()(None); f()
im()(im())
g = im()(lambda: (yield modes()))(); next(g), modes(); raises(next, g); modes()
g = im(lambda: (yield modes()))(); next(g), modes()
g = im(False)(lambda: (yield modes()))(); inside(next, g), modes()
f = lambda: (yield from im()(lambda: (yield modes()))()); list(f()), modes()
g = im()(lambda: (yield (yield modes())))(); next(g); g.send("sent"); raises(g.send, 3); modes()
""",
    setup=SETUP,
)

test_programs = scripts(
    generators="""
        def modes(): return torch.is_grad_enabled(), torch.is_inference_mode_enabled()
        seen = []
        @torch.inference_mode()
        def walk(n):
            "the text"
            try:
                for k in range(n):
                    got = yield k, modes()
                    seen.append((got, modes()))
                return "end", modes()
            except ValueError as error:
                seen.append((str(error), modes()))
                yield "after", modes()
            finally:
                seen.append(("finally", modes()))
        walk.__name__, walk.__doc__
        list(walk(2)), modes()
        g = walk(3)
        next(g), modes()
        g.send("hello"), modes()
        g.throw(ValueError("v")), modes()
        next(g)
        g = walk(3)
        next(g)
        g.close()
        modes()
        g = walk(1)
        next(g)
        try: next(g)
        except StopIteration as stop: end = stop.value
        end
        g = walk(2)
        next(g)
        g.throw(KeyError("mine"))
        modes()
        seen
        with torch.inference_mode(False): a = list(walk(1))
        a
        @torch.inference_mode()
        def made():
            x = torch.ones(1)
            yield x
            yield x + 1
        a, b = made()
        @torch.inference_mode()
        def switches():
            torch.set_grad_enabled(True)
            yield modes()
            yield modes()
        list(switches()), modes()
    """,
    coroutines="""
        import asyncio, inspect
        def modes(): return torch.is_grad_enabled(), torch.is_inference_mode_enabled()
        @torch.inference_mode()
        async def work():
            before = modes()
            await asyncio.sleep(0)
            return before, modes()
        inspect.iscoroutinefunction(work), inspect.isfunction(work)
        asyncio.run(work())
        @torch.no_grad()
        async def other():
            before = modes()
            await asyncio.sleep(0)
            return before, modes()
        asyncio.run(other()), modes()
        @torch.inference_mode()
        async def stream():
            yield modes()
            yield modes()
        async def collect(): return [(m, modes()) async for m in stream()]
        inspect.isasyncgenfunction(stream)
        asyncio.run(collect())
        async def managed():
            with torch.inference_mode():
                a = modes()
                await asyncio.sleep(0)
                return a, modes(), torch.ones(1).is_inference()
        asyncio.run(managed()), modes()
        async def beside(): return modes()
        async def both(): return await asyncio.gather(managed(), beside())
        asyncio.run(both())
        modes()
    """,
    threads="""
        import threading, concurrent.futures
        def modes(): return torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.ones(1).is_inference()
        pool = concurrent.futures.ThreadPoolExecutor(1)
        with torch.inference_mode(): a = pool.submit(modes).result()
        a
        m = torch.inference_mode()
        _ = pool.submit(m.__enter__).result()
        modes(), pool.submit(modes).result()
        i = pool.submit(torch.ones, 2).result()
        i.add_(1)
        _ = pool.submit(i.add_, 1).result() and None
        i
        _ = pool.submit(m.__exit__, None, None, None).result()
        pool.submit(modes).result()
        p = torch.ones(2, requires_grad=True)
        s = (p * p).sum()
        @torch.inference_mode()
        def run(): s.backward(); return modes()
        pool.submit(run).result(), modes()
        p
        pool.shutdown()
    """,
    passes="""
        def modes(): return torch.is_grad_enabled(), torch.is_inference_mode_enabled()
        seen = []
        class Seen(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                seen.append(("forward", modes(), x.is_inference(), ctx.needs_input_grad))
                ctx.save_for_backward(x)
                return x * 2
            @staticmethod
            def backward(ctx, g):
                seen.append(("backward", modes(), g.is_inference(), ctx.saved_tensors[0].is_inference()))
                return g * 2
        p = torch.ones(2, requires_grad=True)
        q = Seen.apply(p)
        _ = q.register_hook(lambda g: seen.append(("hook", modes(), g.is_inference())))
        _ = p.register_post_accumulate_grad_hook(lambda t: seen.append(("after", modes(), t.grad.is_inference())))
        with torch.inference_mode(): q.sum().backward()
        s = q.sum()
        with torch.inference_mode(): s.backward(retain_graph=True)
        p.grad
        s.backward(retain_graph=True)
        p.grad = None
        s.backward(retain_graph=True)
        with torch.inference_mode(): s.backward(retain_graph=True)
        p.grad
        with torch.inference_mode(): s.backward(retain_graph=True, create_graph=True)
        p.grad
        with torch.inference_mode(): g = torch.autograd.grad(s, p, retain_graph=True)
        with torch.inference_mode(): g = torch.autograd.grad(s, p, create_graph=True)
        with torch.inference_mode(), torch.enable_grad(): s.backward(retain_graph=True)
        with torch.inference_mode(), torch.inference_mode(False): s.backward(retain_graph=True)
        p.grad
        seen
        seen.clear()
        with torch.inference_mode(): r = Seen.apply(p)
        with torch.inference_mode(), torch.enable_grad(): r = Seen.apply(p)
        with torch.inference_mode(): r = torch.inference_mode(False)(Seen.apply)(p)
        seen
    """,
    modules="""
        import copy
        with torch.inference_mode(): m = nn.Linear(2, 1)
        _ = torch.inference_mode()(nn.init.constant_)(m.weight, 0.5), torch.inference_mode()(nn.init.constant_)(m.bias, 0.5)
        m.weight, m.bias
        n, p = torch.ones(2), torch.ones(2, requires_grad=True)
        m(n)
        m(n).sum().backward()
        m.weight.grad, m.bias.grad
        m(p)
        nn.init.zeros_(m.weight)
        with torch.no_grad(): nn.init.zeros_(m.weight)
        m.weight
        m.load_state_dict({"weight": torch.ones(1, 2), "bias": torch.ones(1)})
        c = copy.deepcopy(m)
        c.weight, c(p)
        m.double().weight
        k = nn.Linear(2, 1)
        k.load_state_dict({"weight": torch.ones(1, 2), "bias": torch.ones(1)}) and None
        with torch.inference_mode(): r = k(n), k(p)
        r
        with torch.inference_mode(): _ = k.double()
        k.weight
        k.weight.mul_(2)
        with torch.no_grad(): k.weight.mul_(2)
        k = nn.Linear(2, 1)
        k.load_state_dict({"weight": torch.ones(1, 2), "bias": torch.ones(1)}) and None
        with torch.inference_mode(): k.requires_grad_(False) and None
        k.weight
        with torch.inference_mode(): k.requires_grad_(True) and None
        k(torch.inference_mode()(torch.ones)(2))
        with torch.inference_mode(): k.zero_grad()
        with torch.inference_mode(): a = nn.Parameter(torch.ones(2)), nn.Parameter(n), nn.Parameter(n, requires_grad=False), nn.Buffer(n)
        a
        i = torch.inference_mode()(torch.ones)(2)
        nn.Parameter(i)
        b = nn.Parameter(i, requires_grad=False)
        b
    """,
    optimizers="""
        p = torch.ones(2, requires_grad=True)
        def grad(): p.grad = torch.full((2,), 0.5)
        opt = torch.optim.SGD([p], lr=0.5)
        grad()
        with torch.inference_mode(): opt.step()
        opt.step()
        with torch.inference_mode(): opt.zero_grad(set_to_none=False)
        p
        with torch.inference_mode(): opt.zero_grad()
        p
        grad()
        opt = torch.optim.SGD([p], lr=0.5, momentum=0.5)
        with torch.inference_mode(): opt.step()
        p
        opt.step()
        p
        opt = torch.optim.Adam([p], lr=0.5)
        with torch.inference_mode(): opt.step()
        opt.step()
        p
        opt = torch.optim.Adam([p], lr=0.5)
        opt.step()
        with torch.inference_mode(): opt.step()
        opt.step()
        p.grad = torch.inference_mode()(torch.ones)(2)
        opt.step()
        opt.zero_grad(set_to_none=False)
        p.grad
    """,
    data="""
        DataLoader, TensorDataset = torch.utils.data.DataLoader, torch.utils.data.TensorDataset
        n, i = torch.arange(4.0), torch.inference_mode()(torch.arange)(4.0)
        with torch.inference_mode(): a = [b for b, in DataLoader(TensorDataset(n), batch_size=2)]
        a = [b for b, in DataLoader(TensorDataset(i), batch_size=2)]
        a = [b for b, in DataLoader(TensorDataset(i), batch_size=None)]
        with torch.inference_mode(): torch.utils.data.default_collate([n, n])
        torch.utils.data.default_collate([i, i]).is_inference()
    """,
    checkpoints="""
        checkpoint = torch.utils.checkpoint.checkpoint
        p = torch.ones(2, requires_grad=True)
        i = torch.inference_mode()(torch.ones)(2)
        with torch.inference_mode(): r = checkpoint(lambda a: a * 2, p, use_reentrant=False)
        with torch.inference_mode(): r = checkpoint(lambda a: a * 2, p, use_reentrant=True)
        checkpoint(lambda a: a * 2, i, use_reentrant=False)
        r = checkpoint(lambda a: a + i, p, use_reentrant=False)
        r.sum().backward()
        r = checkpoint(lambda a: a * i, p, use_reentrant=False)
        r = checkpoint(lambda a: (a * i).sum(), p, use_reentrant=True)
        r.backward()
        p.grad
    """,
)

test_making = table(
    """
i, leaf, vn, vp, vq, vi, dn, dq
i.view(2), i.detach(), i.data, i.clone(), i + 1, i[0], i.t(), i.expand(2, 2), i.contiguous(), i.reshape(1, 2), i.unbind(), i.split(1), i.to(torch.float64), i.float()
leaf.view(2), leaf.detach(), leaf.data, leaf.clone(), leaf + 1, leaf * 2, leaf[0], leaf.double(), leaf.contiguous(), leaf.exp(), leaf * leaf, leaf.clone(memory_format=torch.contiguous_format)
inside(lambda: (i.view(2), i.detach(), i.data, i.clone(), i + 1, i[0], leaf.view(2), leaf * 2, leaf.detach(), leaf.data, leaf.is_leaf))
inside(lambda: (n.view(2), n.detach(), n.data, n.clone(), n + 1, n[0], n.float(), n.double(), n.contiguous(), n.reshape(2), n.expand(2, 2), n.t(), n.flatten()))
inside(lambda: (p * 2, p.view(2), p.clone(), p.sum(), p.requires_grad, q.requires_grad, q.grad_fn))
inside(lambda: (torch.empty(0), torch.zeros(1), torch.full((1,), 2.0), torch.tensor([1.0]), torch.arange(3), torch.eye(2), torch.rand(2), torch.ones_like(n), n.new_ones(1), n.new_tensor([1.0])))
inside(lambda: (torch.tensor(n), torch.as_tensor(n), torch.from_numpy(np.ones(2)), torch.as_tensor(np.ones(2)), torch.asarray([1.0]), torch.frombuffer(bytearray(8), dtype=torch.float32), torch.Tensor(2).zero_(), torch.Tensor(n)))
torch.ones_like(i), torch.zeros_like(i), i.new_ones(1), torch.tensor(i), torch.as_tensor(i), torch.as_tensor(i) is i, torch.Tensor(i)
inside(lambda: (n.contiguous() is n, n.float() is n, n.to("cpu") is n, n.requires_grad_(False) is n))
with im(), enable_grad(): a, b, c = q * 2, p.view(2), torch.ones(1, requires_grad=True)
with im(), im(False): a, b, c, d = q * 2, p.view(2), torch.ones(1), i * 2
with im(), im(False): a = i.view(2); b = i.detach(); c = p + i
with im(): a = p.detach().requires_grad_()
with im(): n.requires_grad_(); a = n * 2
with im(): a = vn.requires_grad_()
with im(): i.requires_grad_(); i.requires_grad_(False); i.requires_grad = True
i.requires_grad_()
i.requires_grad_(False)
i.requires_grad = True
leaf.requires_grad_()
leaf.requires_grad_(False); leaf.requires_grad_()
inside(lambda: torch.ones(2, dtype=torch.int64).requires_grad_())
j = i.detach(); j.requires_grad_()
i.is_leaf, leaf.is_leaf, vp.is_leaf, vq.is_leaf, vq.requires_grad, vn.requires_grad
vq.grad_fn, vp.grad_fn, vq._base is q, vi._base, vi._is_view()
repr(i), repr(leaf), repr(vq), repr(vp), str(i), format(i[0])
i.tolist(), float(i[0]), i.sum().item(), bool(i[0] > 0), i.numpy(), np.asarray(i), len(i), [k.is_inference() for k in i]
torch.from_numpy(i.numpy())
a = i.numpy(); a[0] = 7; i
hash(i) == hash(i), i in [i], torch.equal(i, n), i.equal(n), i == n
i._version
inside(lambda: i._version)
inside(lambda: (n._version, n.view(2)._version, n.add_(1)._version, n.detach()._version))
j = i.detach(); j._version; j.add_(1); j._version; i; i.add_(1)
j = i.data; j._version; j.add_(1); j._version; i
j = i.detach(); k = j.detach(); k.add_(1); j._version, k._version
j = i.detach(); inside(lambda: j.add_(1)); j._version
j = i.detach(); j.view(2), j.view(2).is_inference(); j.view(2)._version
j = i.detach(); j.view(2).add_(1)
j = i.detach(); j.add_(p); j
j = i.detach(); p * j
j = inside(i.detach); j.add_(1)
n.data = i; n, n._version; n.add_(1); n, i
n.data = i; p * n
n.data = i; n.view(2), n * 2, n.detach(); inside(lambda: n.add_(1)); n
inside(lambda: setattr(n, "data", torch.zeros(2))); n, n.is_inference()
i.data = n; i, i.is_inference(); i._version
i.data = n; i.add_(1)
i.data = n; inside(lambda: i.add_(1)); n
i.data = n; i.view(2)
i.data = n; i.clone(), i * 2, i.detach(); i * p
i.data = n; i.requires_grad_()
p.data = i; p, p.is_inference()
p.data = i; p * 2; (p * 2).sum().backward(); p.grad
p.data = i; p * p
p.data.copy_(i); p
copy.deepcopy(i), copy.copy(i), copy.deepcopy(leaf), copy.deepcopy([i, i])
copy.deepcopy(vq)
inside(lambda: (copy.deepcopy(i), copy.deepcopy(n), copy.deepcopy(p), copy.copy(p)))
pickle.loads(pickle.dumps([i, leaf]))
inside(lambda: pickle.loads(pickle.dumps([n, p, i])))
""",
    setup=TENSORS,
)

test_writing = table(
    """
i.add_(1)
raises(i.add_, 1); i
raises(i.mul_, 2); raises(i.zero_); i
raises(i.copy_, n * 5); i
raises(i.__setitem__, 0, 5); i
raises(i.fill_, 3); i
raises(i.add_, p); i, i.requires_grad
raises(i.mul_, p); i, i.requires_grad
raises(i.copy_, p); i, i.requires_grad
raises(lambda: torch.add(n, n, out=i)); i
raises(lambda: torch.mm(torch.eye(2), torch.eye(2), out=inside(torch.ones, 2, 2)))
raises(i.unsqueeze_, 0); i.shape
raises(i.t_); raises(i.squeeze_); raises(i.resize_, 1); i.shape
raises(i.normal_); raises(i.uniform_); raises(i.bernoulli_)
raises(i.requires_grad_); raises(leaf.add_, 1); leaf
with no_grad(): raises(i.add_, 1); raises(leaf.add_, 1)
no_grad()(i.add_)(1)
vi.add_(1)
i[0].add_(1)
i.view(2).add_(1)
i.detach_(); leaf.detach_(); leaf
vq.detach_()
inside(lambda: (i.detach_(), n.detach_(), q.detach_(), vq.detach_())); q, q.grad_fn, vq
q.detach_(); q, vq, vq.grad_fn
i.retain_grad()
leaf.retain_grad(); leaf.retains_grad
i.register_hook(print)
h = leaf.register_hook(lambda g: seen.append(g)); (leaf + p).sum().backward(); seen, leaf.grad
torch.autograd.graph.increment_version(i); torch.autograd.graph.increment_version([n, i]); n._version
inside(lambda: torch.autograd.graph.increment_version([n, i])); n._version
with torch.autograd._unsafe_preserve_version_counter(i): pass
with torch.autograd._unsafe_preserve_version_counter(n): n.add_(1)
inside(lambda: i.add_(1).mul_(3)); i
inside(lambda: n.add_(1).mul_(3)); n, n._version
inside(lambda: p.add_(1)); p, p._version
inside(lambda: q.add_(1)); q, q._version, q.grad_fn
inside(lambda: (n.copy_(i), i.copy_(n), n.add_(i), i.add_(n), i.copy_(p), n.copy_(p))); n, i
inside(lambda: (vn.add_(1), vp.add_(1), vq.add_(1), vi.add_(1), dn.add_(1), dq.add_(1))); n, p, q, i
inside(lambda: (torch.add(n, n, out=i), torch.add(i, i, out=n), torch.add(p, p, out=i), torch.add(p, p, out=q))); n, i, q
inside(lambda: (i.unsqueeze_(0), n.unsqueeze_(0), q.unsqueeze_(0))); n, i, q
inside(lambda: (i.resize_(4).shape, i.zero_(), n.resize_(4).shape, n.zero_())); n, i
inside(lambda: (i.__setitem__(0, 5), n.__setitem__(0, p[0]), q.__setitem__(0, 7))); n, i, q
with im(), enable_grad(): q.add_(1); n.add_(p); i.add_(p); p.add_(1)
n.copy_(i); n.add_(i); n
q.copy_(i); q.grad_fn
q.add_(i); q; q.sum().backward(); p.grad
raises(q.mul_, i); q, q._version, q.grad_fn
q[0] = i[0]; q; q.sum().backward(); p.grad
q[i > 0] = 0.0; q.masked_fill_(i > 0, 1.0); q
vn.add_(1); n, vn, vn._version
vn.add_(p)
vn.mul_(p)
vp.add_(1)
vq.add_(1)
vq.mul_(p)
dn.add_(1); n
dn.add_(p); dn; n, n.grad_fn
dq.add_(1); q; (q * q).sum().backward()
q.add_(1); vq
q.add_(1); vq.grad_fn
q.add_(1); vq.is_leaf
q.add_(1); vq * 2
q.add_(1); vq.view(1, 2)
q.add_(1); vq.backward(n)
n.add_(p); vn.grad_fn
n.add_(1); vn, vn.grad_fn; vn.add_(1)
with no_grad(): p.add_(1); seen.append(vp.is_leaf)
with no_grad(): vq.add_(1); vp.add_(1)
vq.view(1, 2); vq.view(1, 2).grad_fn; vq.view(1, 2).add_(1)
vq.unbind()[0].add_(1)
vq.view(2).view(1, 2).add_(1)
w = vq.view(1, 2); q.add_(1); w.grad_fn
w = no_grad()(vq.view)(1, 2); w.add_(1)
w = no_grad()(q.view)(2); w = inside(w.view, 1, 2); w.add_(1)
w = q.unbind()[0]; w = inside(w.view, 1); w.add_(1)
w = inside(q.unbind)[0]; w.add_(1)
w = inside(q.unbind)[0]; q.add_(1); w.grad_fn
w = inside(n.unbind)[0]; w.add_(1); n; w.add_(p[0])
w = inside(q.unbind)[0]; w = no_grad()(w.view)(1); w.add_(1)
w = no_grad()(q.view)(2); w.unbind()[0].add_(1)
w = inside(vq.unbind)[0]; w.add_(1)
w = inside(n.expand, 2, 2); w.add_(1)
w = q.view(2); inside(lambda: w.add_(1)); w, q, w.grad_fn
w = q.view(2); inside(lambda: q.add_(1)); inside(lambda: w.grad_fn); w
s = (q * q).sum(); inside(lambda: q.add_(1)); s.backward()
s = (q * q).sum(); inside(lambda: vq.add_(1)); s.backward()
s = (q * q).sum(); inside(lambda: q.data.add_(1)); s.backward(); p.grad
s = (q + q).sum(); inside(lambda: q.add_(1)); s.backward(); p.grad
""",
    setup=TENSORS,
)

test_recording = table(
    """
p * i
i * p
p * i.sum(), p + i, p - i, i - p, p.exp() + i.exp(), p / 2
p / i
i / p
p.pow(i)
p.matmul(i)
i.matmul(p)
torch.dot(p, i)
nn.functional.linear(i, p)
nn.functional.mse_loss(p, i)
nn.functional.l1_loss(p, i)
nn.functional.cross_entropy(p, i)
nn.functional.cross_entropy(p, i.long()[0])
torch.where(i > 0, p, i), p[i > 0], p[i.long()], p.masked_fill(i > 0, 0.0), p.index_select(0, i.long()), p.gather(0, i.long())
torch.lerp(p, i, 0.5), torch.cat([p, i]), torch.stack([p, i])
torch.lerp(p, n, i)
torch.addcmul(n, p, i)
p.maximum(i)
p.clamp(i, i)
p * leaf
leaf + n, leaf - n, leaf * 2, leaf / 2, torch.cat([leaf, n]), torch.where(n > 0, leaf, n)
leaf + leaf, leaf * leaf, leaf + i, leaf @ leaf, leaf.exp(), torch.cat([leaf, i])
leaf * n
(leaf + p).sum().backward(); leaf.grad, p.grad
(leaf * 2).sum().backward(); leaf.grad
(leaf + p).sum().backward(); (leaf + p).sum().backward(); leaf.grad
leaf.sum().backward()
leaf.view(2).sum().backward()
leaf.backward(n); leaf.grad
leaf.clone().sum().backward(); leaf.grad
leaf.double().sum().backward(); leaf.grad
(vq * 2, vq.sum(), vq.exp()); vq.sum().backward(); p.grad
vp * 2; (vp * 2).sum().backward(); p.grad
vq.backward(n)
vq.retain_grad(); vq.register_hook(print)
(q * 3).backward(i); p.grad
(q * q).backward(i); p.grad
(q * q).backward(i, create_graph=True)
q.sum().backward(i[0]); p.grad
p.backward(i); p.grad, p.grad is i; p.backward(n); p.grad
torch.autograd.grad(q, p, i)
torch.autograd.grad(p, p, i)
torch.autograd.grad(p + n, p, i, create_graph=True)
torch.autograd.grad(q, i, n)
torch.autograd.grad(q, leaf, n)
torch.autograd.grad(q, leaf, n, allow_unused=True)
p.grad = i; p.grad is i; p.grad.is_inference(); q.sum().backward()
p.grad = i; inside(lambda: p.backward(n)); p.grad, i
p.grad = i; p.backward(n, create_graph=True); p.grad
p.grad = i; p.grad.zero_()
inside(lambda: p.backward(n)); p.grad; p.backward(n)
inside(lambda: p.backward(n)); p.backward(n, create_graph=True); p.grad
q.sum().backward(); inside(lambda: p.grad.add_(1)); p.grad; p.grad.add_(i); p.grad
i.grad = n; i.grad; i.grad = None
leaf.grad = i; leaf.grad is i
p.grad = i.long()
h = q.register_hook(lambda g: i); q.sum().backward(); p.grad
h = p.register_hook(lambda g: i); p.sum().backward(); p.sum().backward(); p.grad
h = p.register_hook(lambda g: inside(lambda: g * 2)); (p * p).sum().backward(); p.grad, p.grad._version
h = q.register_hook(lambda g: inside(lambda: g * 2)); (q * q + q.exp()).sum().backward(); p.grad
h = q.grad_fn.register_hook(lambda gi, go: tuple(g if g is None else inside(lambda: g * 2) for g in gi)); q.sum().backward(); p.grad
h = q.register_hook(lambda g: inside(lambda: g * 2)); (q * q).sum().backward(create_graph=True); p.grad
with torch.autograd.graph.saved_tensors_hooks(lambda t: seen.append(t) or t, lambda t: t): p * i
with torch.autograd.graph.saved_tensors_hooks(lambda t: inside(lambda: t * 1), lambda t: t): (p * p).sum().backward(); seen.append(p.grad)
with torch.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: inside(lambda: t * 1)): (p.exp() * p).sum().backward(); seen.append(p.grad)
with torch.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: t): inside(lambda: p * p)
torch.autograd.functional.jacobian(lambda a: a * a, i)
torch.autograd.functional.jacobian(lambda a: a * n, i)
torch.autograd.functional.jacobian(lambda a: a * a, p)
inside(lambda: torch.autograd.functional.jacobian(lambda a: a * a, p))
inside(lambda: torch.autograd.functional.vjp(lambda a: a.sum(), p))
inside(im(False)(lambda: torch.autograd.functional.jacobian(lambda a: a * a, p)))
inside(im(False)(lambda: (q * q).sum().backward())); p.grad
""",
    setup=TENSORS,
)

test_functions = table(
    """
Saves.apply(i)
Saves.apply(leaf)
Saves.apply(p, i)
r = Saves.apply(n, i); r
inside(Saves.apply, p), inside(Saves.apply, i), seen
r = inside(enable_grad()(Saves.apply), p); r, r.requires_grad, seen
Plain.apply(i), Plain.apply(leaf), Plain.apply(leaf).is_inference()
r = inside(enable_grad()(Plain.apply), p); r; r.sum().backward(); p.grad
View.apply(i), View.apply(leaf)
inside(View.apply, p), inside(View.apply, i), inside(View.apply, q)
r = inside(View.apply, q); r.add_(1)
r = inside(View.apply, n); r.add_(1); n
r = inside(enable_grad()(View.apply), q); r
Same.apply(i), Same.apply(leaf), Same.apply(i) is i
inside(Same.apply, p), inside(Same.apply, i), inside(Same.apply, n), inside(Same.apply, q)
r = inside(Same.apply, q); r.add_(1)
r = inside(enable_grad()(Same.apply), q); r
Dirty.apply(i)
raises(Dirty.apply, i); i
Dirty.apply(leaf)
inside(Dirty.apply, i), inside(Dirty.apply, n), inside(Dirty.apply, q), n._version, q._version
inside(Dirty.apply, p); p
Inner.apply(p); Inner.apply(p).is_inference(), Inner.apply(p).grad_fn
r = Inner.apply(p); r.sum().backward(); p.grad
r = Inner.apply(p); r * r
r = Inner.apply(p); r.add_(1)
r = Inner.apply(p); r * 2, r.view(1, 2)
r = Plain.apply(q); inside(lambda: r.sum().backward()); p.grad
Returns.apply(p, i); Returns.apply(p, i).sum().backward(); p.grad
""",
    setup=TENSORS
    + """
class Saves(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, y=None):
        seen.append((infers(), on(), x.is_inference(), ctx.needs_input_grad))
        ctx.save_for_backward(x, y)
        return x * 2
    @staticmethod
    def backward(ctx, g): return g * 2, None
class Plain(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x): return x * 2
    @staticmethod
    def backward(ctx, g): return g * 2
class View(Plain):
    @staticmethod
    def forward(ctx, x): return x.view(-1)
class Same(Plain):
    @staticmethod
    def forward(ctx, x): return x
class Dirty(Plain):
    @staticmethod
    def forward(ctx, x): ctx.mark_dirty(x); return x.add_(1)
class Inner(Plain):
    @staticmethod
    def forward(ctx, x): return inside(lambda: x * 2)
    @staticmethod
    def backward(ctx, g): return inside(lambda: g * 2)
class Returns(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, y): ctx.y = y; return x * 1
    @staticmethod
    def backward(ctx, g): return ctx.y, None
""",
)

test_other_modes = table(
    """
policy(), E(False), policy(); E(True); policy()
m = E(False); m.prev, m.mode; m.__enter__(); policy(); m.__exit__(None, None, None); policy()
with E(False): seen.append(policy())
with E(): seen.append(policy())
f = E(False)(policy); policy(), f(), policy()
m = E(False); m.clone().mode; E(True); policy()
E(1)
E(None)
E(True, False)
p.backward(torch.ones(3, 2)); p.grad
(p * 2).sum().backward(); p.grad
with E(False): (p * 2).sum().backward(); seen.append(p.grad)
with E(False): Rows.apply(p).sum().backward(); seen.append(p.grad)
with E(False): p.backward(torch.ones(3, 2)); seen.append(p.grad)
with E(False): p.grad = torch.zeros(3, 2); (p * 2).sum().backward(); seen.append(p.grad)
p.grad = torch.zeros(3, 2); (p * 2).sum().backward(); p.grad
Rows.apply(p).sum().backward(); p.grad
with E(False): p.sum().backward(); seen.append(p.grad)
v = torch.ones(2); m = torch.autograd._unsafe_preserve_version_counter(v); v.add_(1); m.__enter__(); v.add_(1); m.__exit__(None, None, None); v._version
v = torch.ones(2); w = torch.ones(2); m = torch.autograd._unsafe_preserve_version_counter((v, w)); v.add_(1); w.mul_(2).mul_(2); m.__exit__(None, None, None); v._version, w._version
torch.autograd._unsafe_preserve_version_counter([p])
torch.autograd._unsafe_preserve_version_counter(3)
v = torch.ones(2); w = v.view(2); m = torch.autograd._unsafe_preserve_version_counter(w); v.add_(1); m.__exit__(None, None, None); v._version, w._version
v = p * 2; s = (v * v).sum(); m = torch.autograd._unsafe_preserve_version_counter(v); v.detach().zero_(); m.__exit__(None, None, None); s.backward(); p.grad
""",
    setup="""
E = torch.autograd.enforce_grad_layout_policy
policy = torch._C._is_grad_layout_enforcement_enabled
_ = torch._C._set_grad_layout_enforcement_enabled(True)
seen = []
p = torch.ones(2, 3).t().requires_grad_()
class Rows(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x): return x * 1
    @staticmethod
    def backward(ctx, g): return torch.ones(3, 2)
""",
)

test_parts_copies_and_storages = table(
    """
i.set_(torch.zeros(5))
i.set_()
n.set_(i); n.is_inference(); n.add_(1)
t = inside(n.set_, i); t.is_inference()
t = inside(i.set_, torch.zeros(5)); t.is_inference(); t.shape
i.resize_as_(torch.zeros(3))
i.resize_as_(i)
t = inside(i.resize_as_, torch.zeros(1)); t
i.put_(torch.tensor([0]), n[:1])
i.put_(torch.tensor([0]), p[:1])
inside(i.put_, torch.tensor([0]), n[:1])
i.scatter_reduce_(0, torch.tensor([0]), n[:1], "sum")
i.nan_to_num_()
i.view(1, 2).fill_diagonal_(3)
i.untyped_storage().nbytes()
torch.select_copy(i, 0, 1).is_inference(); inside(torch.select_copy, i, 0, 0).is_inference()
a = i.unsafe_split(1)[0]; a.is_inference(); a.add_(1)
a = inside(i.unsafe_split, 1)[0]; a.is_inference()
t = i.select_scatter(q[0], 0, 0); t.requires_grad; t.sum().backward()
torch.copysign(leaf, q).requires_grad
""",
    setup=TENSORS,
)
