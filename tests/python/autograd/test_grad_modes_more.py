"""Grad modes as managers and decorators of everything that can be called, and where they end.

A case is a line of code, or a program whose steps all run. `on` tells whether grad mode is on.
"""

# ruff: noqa: E501 (one case per line)
from __future__ import annotations

from parity import scripts, table

SETUP = """
import asyncio, contextlib, copy, functools, inspect, pickle, threading
no_grad, enable_grad, set_grad_enabled, on = torch.no_grad, torch.enable_grad, torch.set_grad_enabled, torch.is_grad_enabled
seen = []
x = torch.ones(2, requires_grad=True)
def note(*a): seen.append((*a, on()))
def body(*a, **k): note("body"); return a, k
def failing(*a): note("failing"); raise KeyError("mine")
def steps(n=2):
    note("start")
    try:
        for k in range(n):
            got = yield k
            note("resumed", got)
        return "end"
    except ValueError as error:
        note("caught", str(error))
        yield "after"
    finally:
        note("finally")
def switching():
    note("a"); set_grad_enabled(True); yield 1
    note("b"); set_grad_enabled(False); yield 2
    note("c")
async def work(*a): note("before"); await asyncio.sleep(0); note("after"); return a
async def stream(n=2):
    for k in range(n):
        note("stream", k)
        yield k
async def collect(s): return [(k, on()) async for k in s]
def raises(f, *a):
    try: f(*a)
    except BaseException as error: return type(error).__name__, str(error)
class Plain:
    "text"
    def __init__(self, a=1): note("init"); self.a = a
    def method(self): note("method"); return self.a
    def __call__(self, a): note("call"); return a
"""

test_managers = table(
    """
m = no_grad(); m.__enter__(); on(); m.__exit__(None, None, None); on()
m = no_grad(); a = m.__enter__(); a is None; m.__exit__(1, 2, 3)
m = no_grad(); m.__enter__(); m.__enter__(); m.__exit__(None, None, None); on(); m.__exit__(None, None, None); on()
m = no_grad(); m.__exit__(None, None, None); on()
m = enable_grad(); set_grad_enabled(False); m.__enter__(); on(); m.__exit__(None, None, None); on()
m = set_grad_enabled(False); on(); m.__enter__(); on(); m.__exit__(None, None, None); on()
m = set_grad_enabled(False); m.__exit__(None, None, None); on()
m = set_grad_enabled(False); k = set_grad_enabled(True); m.__exit__(None, None, None); on(); k.__exit__(None, None, None); on()
m = set_grad_enabled(True); set_grad_enabled(False); m.__enter__(); on(); m.__exit__(None, None, None); on()
a, b = no_grad(), enable_grad(); a.__enter__(); b.__enter__(); a.__exit__(None, None, None); on(); b.__exit__(None, None, None); on()
s = contextlib.ExitStack(); s.enter_context(no_grad()); on(); s.enter_context(enable_grad()); on(); s.close(); on()
s = contextlib.ExitStack(); s.enter_context(set_grad_enabled(False)); on(); s.close(); on()
m = set_grad_enabled(False); m.mode, m.prev; set_grad_enabled(True)
m = set_grad_enabled(True); m.mode, m.prev
m = no_grad(); m.prev; m.__enter__(); m.prev
m = no_grad(); m.__enter__(); m.prev; m.__exit__(None, None, None); m.prev
m = enable_grad(); set_grad_enabled(False); m.__enter__(); m.prev
m = no_grad(); k = m.clone(); k is m; type(k).__name__
m = set_grad_enabled(False); set_grad_enabled(True); k = m.clone(); k is m; on(); k.mode
m = enable_grad(); type(m.clone()).__name__
m = no_grad(); m.note = 1; m.note; hasattr(m.clone(), "note")
type(no_grad()).__name__, type(enable_grad()).__name__, type(set_grad_enabled(True)).__name__
isinstance(no_grad, type), callable(no_grad()), isinstance(no_grad(), contextlib.AbstractContextManager), isinstance(no_grad(), contextlib.ContextDecorator)
no_grad.__module__, enable_grad.__module__, set_grad_enabled.__module__; no_grad.__qualname__
torch.autograd.no_grad is no_grad, torch.autograd.grad_mode.no_grad is no_grad, torch.autograd.grad_mode.set_grad_enabled is set_grad_enabled, torch.autograd.enable_grad is enable_grad
repr(set_grad_enabled(True))[:30]; str(set_grad_enabled(False)); set_grad_enabled(True)
bool(no_grad.__doc__), bool(enable_grad.__doc__), bool(set_grad_enabled.__doc__)
no_grad(1)
enable_grad(1)
set_grad_enabled()
set_grad_enabled(True, False)
set_grad_enabled(foo=True)
set_grad_enabled(mode=False); on()
set_grad_enabled(None); on()
set_grad_enabled(0)
set_grad_enabled(1)
set_grad_enabled("")
set_grad_enabled(torch.tensor(False))
set_grad_enabled(np.bool_(False)); on()
set_grad_enabled([])
no_grad().__enter__(1)
no_grad()(1)
no_grad()("a")
no_grad()(None)
enable_grad()(3)
set_grad_enabled(False)(3); on()
set_grad_enabled(False)(None); on()
m = copy.copy(no_grad()); type(m).__name__
m = copy.deepcopy(set_grad_enabled(True)); m.mode, m.prev
with_a = no_grad(); with_a.__enter__(); copy.deepcopy(with_a).prev
x.requires_grad; no_grad().__enter__(); x.requires_grad, (x * 2).requires_grad, x.detach().requires_grad_().requires_grad
no_grad().__enter__(); y = torch.zeros(2, requires_grad=True); y.requires_grad; y.add_(1); y.is_leaf
no_grad().__enter__(); y = x * 2; y.requires_grad_(); set_grad_enabled(True); (y * 3).sum().backward(); y.grad; x.grad
no_grad().__enter__(); x.sum().backward()
no_grad().__enter__(); x.backward(torch.ones(2)); x.grad
no_grad().__enter__(); torch.autograd.grad(x, x, torch.ones(2)); on()
y = x * 2; no_grad().__enter__(); y.backward(torch.ones(2)); x.grad; on()
y = x * x; no_grad().__enter__(); g, = torch.autograd.grad(y, x, torch.ones(2), create_graph=True); g.requires_grad; on()
y = x * x; no_grad().__enter__(); y.backward(torch.ones(2), create_graph=True); x.grad.requires_grad; on()
no_grad().__enter__(); x.register_hook(print); x.retain_grad(); x.requires_grad_(False); x.requires_grad
no_grad().__enter__(); p = nn.Parameter(torch.ones(2)); p.requires_grad; m = nn.Linear(2, 1); m.weight.requires_grad; m(x).requires_grad
no_grad().__enter__(); x.add_(1); x[0] = 5; x; x.is_leaf; x._version
no_grad().__enter__(); y = x.clone(); y += x; y.requires_grad; torch.add(x, x, out=y); y
no_grad().__enter__(); torch.stack([x, x]).requires_grad, torch.tensor(x).requires_grad, x[0].requires_grad, x.long().requires_grad
no_grad().__enter__(); x.numpy()
no_grad().__enter__(); np.asarray(x)
no_grad().__enter__(); x.detach().numpy(); x.tolist(); float(x.sum())
no_grad().__enter__(); repr(x); repr(x * 2); repr(x.view(2, 1))
""",
    setup=SETUP,
)

test_decorators = table(
    """
f = no_grad()(body); f(1, k=2); seen; on()
f = no_grad(body); f(1, k=2); seen; on()
f = enable_grad(body); set_grad_enabled(False); f(); seen; on()
f = enable_grad()(body); set_grad_enabled(False); f(); seen; on()
f = set_grad_enabled(False)(body); on(); f(); seen; on()
f = set_grad_enabled(True)(body); set_grad_enabled(False); f(); seen; on()
m = set_grad_enabled(False); on(); f = m(body); on(); f(); seen; on()
set_grad_enabled(False); f = set_grad_enabled(True)(body); on(); f(); seen; on()
f = no_grad()(enable_grad()(body)); f(); seen; on()
f = enable_grad()(no_grad()(body)); f(); seen; on()
m = no_grad(); f = m(body); f(); m.__enter__(); f(); m.__exit__(None, None, None); on(); seen
m = no_grad(); f, g = m(body), m(failing); f(); raises(g); on(); seen
f = no_grad()(failing); raises(f); on(); seen
f = no_grad()(failing); f()
f = no_grad()(lambda: set_grad_enabled(True)); f(); on()
f = no_grad()(lambda: f2()); f2 = enable_grad()(lambda: note("inner")); f(); seen; on()
f = no_grad()(lambda n: note(n) or (n and f(n - 1))); f(3); seen; on()
f = enable_grad()(lambda n: note(n) or (n and g(n - 1))); g = no_grad()(lambda n: note(n) or (n and f(n - 1))); f(3); seen; on()
f = no_grad()(body); f.__name__, f.__qualname__, f.__module__, f.__doc__, f.__wrapped__ is body
f = no_grad()(body); str(inspect.signature(f)); inspect.unwrap(f) is body
body.note = 1; f = no_grad()(body); f.note; f.__dict__.keys() >= {"note"}
f = no_grad()(lambda a, b=2, *c, d, **e: None); str(inspect.signature(f)); f.__defaults__, f.__kwdefaults__; f.__name__
f = no_grad()(body); inspect.isfunction(f), inspect.isgeneratorfunction(f), inspect.iscoroutinefunction(f)
f = no_grad()(steps); inspect.isfunction(f), inspect.isgeneratorfunction(f); f.__name__
f = no_grad()(stream); inspect.isasyncgenfunction(f), inspect.isgeneratorfunction(f); f.__name__
f = no_grad()(functools.partial(body, 1)); f(2); seen
f = no_grad()(functools.lru_cache(body)); f(1); f(1); len(seen)
f = no_grad()(functools.lru_cache(body)); getattr(f, "cache_info")()
f = functools.lru_cache(no_grad()(body)); f(1); f(1); len(seen)
f = no_grad()(len); f([1, 2]); f.__name__
f = no_grad()(torch.neg); f(x).requires_grad
f = no_grad()(x.neg); f().requires_grad; f.__name__
f = no_grad()(Plain().method); f(); seen
f = no_grad()(Plain()); f(5); seen
f = no_grad()(int); f("3"); f
f = no_grad()(staticmethod(body)); f(1)
f = no_grad()(classmethod(body)); f(1)
f = no_grad()(property(body)); f(1)
f = no_grad()(nn.Linear(2, 1)); f(x).requires_grad
f = no_grad()(no_grad()); g = f(body); g(); seen
f = no_grad()(print); f.__module__
C = no_grad(Plain); C is Plain; C(3).method(); seen; isinstance(C(), Plain)
C = enable_grad()(Plain); isinstance(C, type)
C = set_grad_enabled(False)(Plain); on(); c = C(2); c.a; c(3); seen
C = no_grad()(type("Sub", (Plain,), {})); c = C(7); c.a; seen
C = no_grad()(nn.Linear); m = C(2, 1); m.weight.requires_grad; m(x).requires_grad
f = no_grad()(lambda: (yield on())); next(f()); on()
f = no_grad()(lambda: [on() for _ in range(2)]); f()
f = no_grad()(lambda: (on() for _ in range(2))); list(f())
f = no_grad()(lambda: iter([on()])); list(f())
f = no_grad()(lambda: map(lambda _: on(), [1])); list(f())
f = no_grad()(lambda a=[]: a.append(on()) or list(a)); f(); f()
f = no_grad()(body); f(*[1], **{"a": 2})
f = no_grad()(body); f(); f2 = no_grad()(f); f2(); f2.__wrapped__ is f; seen
f = no_grad()(lambda t: t * 2); f(x); f(x).requires_grad; f(x.detach().requires_grad_()).requires_grad
f = no_grad()(lambda: x * 2); y = f(); y.requires_grad_(); y.sum().backward(); y.grad; x.grad
no_grad()(body)(self=1, func=2, args=3, kwargs=4)
no_grad()(body)(1, 2, 3, orig_func=4, ctx=5)
no_grad(body)()
no_grad(lambda: on())(); on()
no_grad(orig_func=body)()
enable_grad(orig_func=body)()
""",
    setup=SETUP,
)

test_generators = table(
    """
g = no_grad()(steps)(); note("made"); list(g); seen; on()
g = no_grad()(steps)(); next(g); on(); next(g); on(); raises(next, g); on(); seen
g = no_grad()(steps)(); next(g); g.send("hello"); raises(g.send, "again"); seen; on()
g = no_grad()(steps)(); g.send("early")
g = no_grad()(steps)(); raises(g.send, "early"); next(g); seen
g = no_grad()(steps)(); next(g); g.throw(ValueError("v")); on(); raises(next, g); seen; on()
g = no_grad()(steps)(); next(g); raises(g.throw, KeyError("k")); on(); seen
g = no_grad()(steps)(); raises(g.throw, ValueError("v")); seen; on()
g = no_grad()(steps)(); next(g); g.throw(ValueError); seen
g = no_grad()(steps)(); next(g); raises(g.throw, 3); seen
g = no_grad()(steps)(); next(g); g.close(); on(); seen; raises(next, g)
g = no_grad()(steps)(); g.close(); seen; raises(next, g)
g = no_grad()(steps)(); next(g); del g; seen; on()
g = no_grad()(steps)(); next(g); set_grad_enabled(False); next(g); on(); seen
g = no_grad()(steps)(); next(g); set_grad_enabled(False); raises(lambda: list(g)); on(); set_grad_enabled(True); seen
set_grad_enabled(False); g = enable_grad()(steps)(); next(g); on(); next(g); on(); seen
set_grad_enabled(False); g = enable_grad()(steps)(); set_grad_enabled(True); next(g); on(); set_grad_enabled(False); next(g); on(); seen
g = set_grad_enabled(False)(steps)(); on(); next(g); on(); list(g); on(); seen
g = no_grad()(switching)(); next(g); on(); next(g); on(); list(g); on(); seen
g = enable_grad()(switching)(); next(g); on(); next(g); on(); list(g); on(); seen
g = set_grad_enabled(False)(switching)(); next(g); on(); next(g); on(); list(g); on(); seen
g = steps(); m = no_grad(); m.__enter__(); next(g); m.__exit__(None, None, None); next(g); seen
f = no_grad()(steps); a, b = f(), f(3); next(a); next(b); next(a); list(b); raises(next, a); seen; on()
f = no_grad()(steps); list(zip(f(), f())); seen; on()
f = no_grad()(steps); sum(f(3)); max(f(3)); sorted(f(3)); on()
f = no_grad()(steps); [(k, on()) for k in f()]
f = no_grad()(steps); a, *b = f(4); a, b
f = no_grad()(lambda: (yield from steps())); list(f()); seen
f = lambda: (yield (yield from no_grad()(steps)())); list(f()); seen; on()
f = no_grad()(steps); result = []; h = lambda: (result.append((yield from f())), (yield 9)); list(h()); result
g = no_grad()(steps)(); type(g).__name__; inspect.isgenerator(g); iter(g) is g
g = no_grad()(steps)(); g.gi_running, g.gi_frame is None; list(g); g.gi_frame is None
g = no_grad()(steps)(); g.__name__
f = no_grad()(steps); f(n=1); list(f(n=1)); f(1, 2)
f = no_grad()(lambda: (yield failing())); g = f(); raises(next, g); on(); raises(next, g); seen
f = no_grad()(lambda: (yield x * 2)); next(f()).requires_grad; [t.requires_grad for t in f()]
f = no_grad()(lambda t: (yield t.add_(1))); next(f(x)); x
f = no_grad()(lambda: ((yield 1), raises(lambda: set_grad_enabled(True)), (yield 2))[0]); list(f()); on()
C = type("C", (), {"walk": no_grad()(lambda self: (yield on()))}); list(C().walk()); on()
f = no_grad()(no_grad()(steps)); list(f()); seen; on()
f = no_grad()(enable_grad()(steps)); list(f()); seen; on()
f = enable_grad()(no_grad()(steps)); list(f()); seen; on()
f = no_grad()(functools.partial(steps, 1)); g = f(); next(g); on(); seen
f = contextlib.contextmanager(no_grad()(lambda: (yield on()))); m = f(); m.__enter__(); on(); m.__exit__(None, None, None); on()
f = no_grad()(contextlib.contextmanager(lambda: (yield on()))); m = f(); m.__enter__(); on(); m.__exit__(None, None, None); on()
f = contextlib.contextmanager(no_grad()(steps)); m = f(1); m.__enter__(); on(); m.__exit__(None, None, None); seen
f = contextlib.contextmanager(no_grad()(steps)); m = f(1); m.__enter__(); raises(m.__exit__, ValueError, ValueError("v"), None); seen; on()
""",
    setup=SETUP,
)

test_coroutines = table(
    """
f = no_grad()(work); c = f(); c.close(); seen; on()
f = no_grad()(stream); asyncio.run(collect(f())); seen; on()
f = enable_grad()(stream); set_grad_enabled(False); asyncio.run(collect(f())); seen; on()
f = set_grad_enabled(False)(stream); on(); asyncio.run(collect(f())); seen; on()
f = no_grad()(stream); g = f(); type(g).__name__; inspect.isasyncgen(g)
f = no_grad()(stream); asyncio.run(partly(f(3))); seen; on()
asyncio.run(under_manager()); seen; on()
asyncio.run(two_tasks()); seen; on()
asyncio.run(switches()); seen; on()
asyncio.run(in_executor()); seen; on()
m = no_grad(); m.__enter__(); asyncio.run(work()); m.__exit__(None, None, None); seen
f = no_grad()(async_fails); raises(lambda: asyncio.run(f())); on()
""",
    setup=SETUP
    + """
async def gather(*cs): return await asyncio.gather(*cs)
async def partly(s):
    async for k in s:
        note("loop", k)
        break
    await s.aclose()
async def under_manager():
    with no_grad():
        note("in"); await asyncio.sleep(0); note("still")
    note("out")
async def two_tasks():
    async def a():
        with no_grad(): note("a1"); await asyncio.sleep(0); note("a2")
        note("a3")
    async def b(): note("b1"); await asyncio.sleep(0); note("b2"); await asyncio.sleep(0); note("b3")
    await asyncio.gather(a(), b())
async def switches(): set_grad_enabled(False); await asyncio.sleep(0); note("after")
async def in_executor():
    with no_grad():
        note("loop"); await asyncio.get_running_loop().run_in_executor(None, lambda: note("worker"))
async def async_fails(): await asyncio.sleep(0); raise KeyError("mine")
""",
)

test_programs = scripts(
    exceptions="""
        on = torch.is_grad_enabled
        x = torch.ones(2, requires_grad=True)
        with torch.no_grad(): 1 / 0
        on()
        with torch.enable_grad(), torch.no_grad(): raise KeyError(1)
        on()
        with torch.set_grad_enabled(False): raise StopIteration
        on()
        with torch.no_grad(): x + torch.ones(3)
        on()
        try:
            with torch.no_grad():
                raise ValueError
        except ValueError:
            y = x * 2
        y.requires_grad
        for k in range(3):
            with torch.no_grad():
                if k == 1: continue
                if k == 2: break
        on()
        def returns():
            with torch.no_grad():
                return on()
        returns(), on()
        def last():
            try:
                torch.set_grad_enabled(False)
                return on()
            finally:
                torch.set_grad_enabled(True)
        last(), on()
    """,
    threads="""
        import threading, concurrent.futures
        on = torch.is_grad_enabled
        seen = []
        def run(f):
            t = threading.Thread(target=f)
            t.start()
            t.join()
        run(lambda: seen.append(on()))
        torch.set_grad_enabled(False)
        run(lambda: seen.append(on()))
        run(lambda: torch.set_grad_enabled(True))
        on()
        run(lambda: torch.no_grad().__enter__())
        torch.set_grad_enabled(True)
        run(lambda: torch.no_grad().__enter__())
        on()
        pool = concurrent.futures.ThreadPoolExecutor(1)
        pool.submit(torch.set_grad_enabled, False).result() and None
        pool.submit(on).result()
        on()
        f = torch.no_grad()(on)
        run(lambda: seen.append((f(), on())))
        m = torch.no_grad()
        run(lambda: m.__enter__())
        on()
        run(lambda: m.__exit__(None, None, None))
        g = torch.no_grad()(lambda: (yield on()))()
        run(lambda: seen.append(next(g)))
        on()
        x = torch.ones(2, requires_grad=True)
        y = x * 2
        y.register_hook(lambda g: seen.append(("hook", on())))
        torch.set_grad_enabled(False)
        run(lambda: y.sum().backward())
        on()
        seen
        x.grad
        pool.shutdown()
    """,
    inside_functions_and_hooks="""
        on = torch.is_grad_enabled
        seen = []
        class Seen(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                seen.append(("forward", on(), x.requires_grad, (x * 2).requires_grad))
                with torch.enable_grad(): seen.append(("enabled", on(), (x * 2).requires_grad))
                return x * 2
            @staticmethod
            def backward(ctx, g):
                seen.append(("backward", on(), g.requires_grad, (g * 2).requires_grad))
                with torch.enable_grad(): seen.append(("enabled", on(), (g * 2).requires_grad))
                with torch.no_grad(): seen.append(("disabled", on(), (g * 2).requires_grad))
                return g * 2
        x = torch.ones(2, requires_grad=True)
        Seen.apply(x).sum().backward()
        seen.clear()
        Seen.apply(x).sum().backward(create_graph=True)
        seen
        seen.clear()
        with torch.no_grad(): y = Seen.apply(x)
        seen, y.requires_grad
        seen.clear()
        y = Seen.apply(x)
        with torch.no_grad(): y.backward(torch.ones(2))
        seen
        on()
    """,
    forward_that_switches="""
        on = torch.is_grad_enabled
        class Leaves(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x): torch.set_grad_enabled(True); return x * 2
            @staticmethod
            def backward(ctx, g): return g * 2
        class Switches(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x): torch.set_grad_enabled(False); return x * 2
            @staticmethod
            def backward(ctx, g): return g * 2
        x = torch.ones(2, requires_grad=True)
        y = Leaves.apply(x)
        on()
        graph(y)
        y = Switches.apply(x)
        on()
        graph(y)
        torch.set_grad_enabled(True)
    """,
    modules="""
        m = nn.Linear(2, 1)
        x = torch.ones(3, 2)
        with torch.no_grad(): y = m(x)
        y.requires_grad
        m.requires_grad_(False) is m
        m(x).requires_grad
        m(x.requires_grad_()).requires_grad
        m.requires_grad_() is m
        class Quiet(nn.Module):
            def __init__(self): super().__init__(); self.inner = nn.Linear(2, 1)
            @torch.no_grad()
            def forward(self, x): return self.inner(x)
        Quiet()(x).requires_grad
        class Loud(Quiet):
            @torch.enable_grad()
            def forward(self, x): return self.inner(x)
        with torch.no_grad(): y = Loud()(x)
        y.requires_grad
        Quiet.forward.__name__
    """,
    steps_of_an_optimizer="""
        w = torch.tensor([1.0, 2.0], requires_grad=True)
        o = torch.optim.SGD([w], 0.1)
        def closure():
            o.zero_grad()
            loss = (w * w).sum()
            loss.backward()
            return loss
        with torch.no_grad(): loss = o.step(closure)
        loss.requires_grad, torch.is_grad_enabled()
        w
        o.step(closure).requires_grad
        w
        o.step.__name__
    """,
    created_inside="""
        with torch.no_grad():
            a = torch.ones(2, requires_grad=True)
            b = a * 2
            c = a.view(2, 1)
            d = nn.Parameter(b)
            e = b.requires_grad_()
            f = torch.zeros(2).copy_(a)
            g = torch.where(a > 0, a, a)
            h = a.detach().clone().requires_grad_(True)
        [t.requires_grad for t in (a, b, c, d, e, f, g, h)]
        [t.is_leaf for t in (a, b, c, d, e, f, g, h)]
        (a * d * e * h).sum().backward()
        a.grad, b.grad, d.grad, h.grad
        e is b
        c.add_(1)
    """,
)
