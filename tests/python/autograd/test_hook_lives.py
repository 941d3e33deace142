"""Programs with hooks: what keeps them alive, which graphs and passes they belong to."""

# ruff: noqa: E501 (one statement per line)
from __future__ import annotations

from parity import scripts

test_lives = scripts(
    hooks_live_with_the_graph="""
        import weakref, gc
        class Token: pass
        seen, t = [], Token()
        _r = weakref.ref(t)
        x = torch.ones(2, requires_grad=True)
        y = x * 2
        h = y.register_hook(lambda g, t=t: seen.append(type(t).__name__))
        del t
        z = y.sum()
        del y
        z.backward()
        seen
        _r() is None
        del z
        gc.collect() >= 0
        _r() is None
        h.remove()
    """,
    removed_hooks_are_forgotten="""
        import weakref, gc
        class Token: pass
        t = Token()
        _r = weakref.ref(t)
        x = torch.ones(2, requires_grad=True)
        y = x * 2
        h = [y.register_hook(lambda g, t=t: None), y.grad_fn.register_hook(lambda i, o, t=t: None), y.grad_fn.register_prehook(lambda g, t=t: None), x.register_hook(lambda g, t=t: None), x.register_post_accumulate_grad_hook(lambda p, t=t: None)]
        del t
        _r() is None
        for k in h: k.remove()
        gc.collect() >= 0
        _r() is None
    """,
    hooks_of_a_leaf_die_with_it="""
        import weakref, gc
        class Token: pass
        t = Token()
        _r = weakref.ref(t)
        x = torch.ones(2, requires_grad=True)
        h = x.register_hook(lambda g, t=t: None), x.register_post_accumulate_grad_hook(lambda p, t=t: None)
        del t, x
        gc.collect() >= 0
        _r() is None
        for k in h: k.remove()
    """,
    hooks_of_a_node_outlive_the_tensor="""
        seen = []
        x = torch.ones(2, requires_grad=True)
        y = x * 2
        n = y.grad_fn
        h = n.register_hook(lambda i, o: seen.append("post")), y.register_hook(lambda g: seen.append("tensor"))
        del y
        n(torch.ones(2))
        seen
        x.grad
    """,
    hooks_on_two_graphs="""
        seen = []
        x = torch.ones(2, requires_grad=True)
        h = x.register_hook(lambda g: seen.append(g.tolist()))
        a, b = x * 2, x * 3
        a.sum().backward()
        b.sum().backward()
        (x * 4).sum().backward()
        seen
        torch.autograd.backward([(x * 2).sum(), (x * 3).sum()])
        seen
    """,
    hooks_of_parameters_of_modules="""
        seen = []
        m = nn.Linear(2, 1)
        nn.init.ones_(m.weight) is m.weight
        nn.init.zeros_(m.bias) is m.bias
        h = m.weight.register_hook(lambda g: seen.append(("w", g.tolist())))
        h = m.bias.register_hook(lambda g: seen.append(("b", g.tolist())))
        h = m.weight.register_post_accumulate_grad_hook(lambda p: seen.append(("acc w", p.grad.tolist())))
        h = m.bias.register_post_accumulate_grad_hook(lambda p: seen.append(("acc b", p.grad.tolist())))
        m(torch.ones(3, 2)).sum().backward()
        seen
        m(m(torch.ones(3, 2)).expand(3, 2)).sum().backward()
        seen
        m.zero_grad()
        m.double() is m
        m(torch.ones(3, 2, dtype=torch.float64)).sum().backward()
        seen
    """,
    steps_inside_hooks="""
        x = torch.ones(2, requires_grad=True)
        v = torch.ones(2, requires_grad=True)
        for p in (x, v): p.register_post_accumulate_grad_hook(lambda p: (p.sub_(p.grad, alpha=0.5), setattr(p, "grad", None), None)[2])
        (x * v).sum().backward()
        x, v, x.grad, v.grad
        (x + v).sum().backward()
        x, v
        y = x * x
        (y * v).sum().backward()
        x, v
    """,
    removed_while_another_pass_runs="""
        seen = []
        x = torch.ones(2, requires_grad=True)
        y = x * 2
        h = y.register_hook(lambda g: seen.append("y"))
        k = y.register_hook(lambda g: h.remove() if len(seen) == 1 else None)
        for i in range(3): y.sum().backward(retain_graph=True)
        seen
        len(y._backward_hooks)
        x.grad
    """,
    views_and_hooks="""
        seen = []
        def log(name): return lambda g: seen.append((name, g if g is None else g.tolist()))
        x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
        y = x * 2
        v = y[:2]
        w = v[1:]
        for name, t in (("y", y), ("v", v), ("w", w)): t.register_hook(log(name))
        w.mul_(10)
        for name, t in (("y2", y), ("v2", v), ("w2", w)): t.register_hook(log(name))
        graph(y)
        graph(v)
        graph(w)
        (y.sum() + v.sum() + w.sum()).backward()
        seen
        x.grad
    """,
    many_outputs_and_hooks="""
        seen = []
        def log(name): return lambda g: seen.append((name, g if g is None else g.tolist()))
        x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
        a, b, c = x.unbind()
        for name, t in (("a", a), ("b", b), ("c", c), ("x", x)): t.register_hook(log(name))
        (a * c).backward(retain_graph=True)
        seen
        seen.clear()
        b.backward(retain_graph=True)
        seen
        seen.clear()
        torch.autograd.backward([a, b, c], retain_graph=True)
        seen
        seen.clear()
        torch.autograd.grad(a + b, [b, x])
        seen
    """,
)
