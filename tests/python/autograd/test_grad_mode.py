"""no_grad, enable_grad, set_grad_enabled: managers, decorators, calls, generators, threads."""

from __future__ import annotations

import asyncio
import threading

from parity import parity, scripts

test_programs = scripts(
    managers="""
        x = torch.ones(2, requires_grad=True)
        with torch.no_grad(): y = x * 2
        with torch.no_grad(), torch.enable_grad(): z = x * 2
        with torch.set_grad_enabled(False): y = x * 2
        with torch.set_grad_enabled(True): z = x * 2
        torch.is_grad_enabled()
        torch.set_grad_enabled(False)
        y = x * 2
        torch.is_grad_enabled()
        with torch.enable_grad(): y = x * 2
        torch.is_grad_enabled()
        torch.set_grad_enabled(True)
        m = torch.no_grad()
        with m: y = x * 2
        with m: y = x * 3
        torch.is_grad_enabled()
        with torch.no_grad(): raise KeyError(1)
        torch.is_grad_enabled()
        m.__enter__()
        torch.is_grad_enabled()
        m.__exit__(None, None, None)
        torch.is_grad_enabled()
        torch.set_grad_enabled(3)
        torch.set_grad_enabled("a")
        torch.set_grad_enabled()
        torch.set_grad_enabled(True)
        torch.no_grad(3)
        torch.autograd.no_grad is torch.no_grad
        with torch.no_grad: pass
    """,
    inside="""
        x = torch.ones(2, requires_grad=True)
        with torch.no_grad(): y = torch.ones(2, requires_grad=True)
        y
        with torch.no_grad(): z = x.clone().requires_grad_()
        z
        with torch.no_grad(): v = x.view(2, 1)
        v.requires_grad
        with torch.no_grad(): x.add_(1)
        with torch.no_grad(): p = nn.Parameter(torch.ones(1))
        p
        with torch.no_grad(): x.grad = torch.ones(2)
        with torch.no_grad(): w = x.detach()
        with torch.no_grad(): t = torch.tensor([x.sum(), 1.0])
        t
        with torch.no_grad(): x.requires_grad = False
        x
    """,
    decorators="""
        x = torch.ones(2, requires_grad=True)
        @torch.no_grad()
        def f(t, *, k=2):
            "the text"
            return t * k
        f(x)
        f(x, k=3)
        f.__name__, f.__doc__
        torch.is_grad_enabled()
        @torch.no_grad
        def g(t): return t * 2
        g(x)
        @torch.enable_grad()
        def h(t): return t * 2
        with torch.no_grad(): y = h(x)
        y
        @torch.set_grad_enabled(False)
        def k(t): return t * 2
        torch.is_grad_enabled()
        k(x)
        torch.is_grad_enabled()
        class M:
            @torch.no_grad()
            def go(self, t): return t * 2
        M().go(x)
        @torch.no_grad()
        def fails(): raise KeyError(1)
        fails()
        torch.is_grad_enabled()
        @torch.no_grad()
        def recursive(n): return n if n == 0 else recursive(n - 1)
        recursive(5)
        torch.is_grad_enabled()
        @torch.no_grad()
        class C: pass
    """,
    decorated_generators="""
        x = torch.ones(2, requires_grad=True)
        seen = []
        @torch.no_grad()
        def g():
            seen.append(torch.is_grad_enabled())
            got = yield x * 2
            seen.append((got, torch.is_grad_enabled()))
            try: yield x * 3
            except ValueError: seen.append(("caught", torch.is_grad_enabled()))
            yield x * 4
            return 7
        it = g()
        next(it)
        torch.is_grad_enabled()
        it.send("hello")
        torch.is_grad_enabled()
        it.throw(ValueError("x"))
        next(it)
        torch.is_grad_enabled()
        seen
        list(g())
        it = g()
        next(it)
        it.close()
        torch.is_grad_enabled()
    """,
)


@parity
def test_threads_have_their_own_mode(torch):
    seen = []

    def work():
        seen.append(torch.is_grad_enabled())
        torch.set_grad_enabled(False)
        seen.append(torch.is_grad_enabled())

    with torch.no_grad():
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        seen.append(torch.is_grad_enabled())
    seen.append(torch.is_grad_enabled())
    yield seen


@parity
def test_generator_does_not_leak_its_mode(torch):
    def plain():
        with torch.no_grad():
            yield torch.is_grad_enabled()
            yield torch.is_grad_enabled()

    seen = [(inside, torch.is_grad_enabled()) for inside in plain()]
    yield seen, torch.is_grad_enabled()
    torch.set_grad_enabled(True)


@parity
def test_coroutines(torch):
    async def task():
        with torch.no_grad():
            await asyncio.sleep(0)
            return torch.is_grad_enabled()

    yield asyncio.run(task()), torch.is_grad_enabled()
