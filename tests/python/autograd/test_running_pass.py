"""What can be asked of, and done to, the pass that is running; and what hooks are shown of it."""

from __future__ import annotations

from parity import EXACT, parity, scripts, table

SETUP = """
class Two(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, c): return x * c
    @staticmethod
    def backward(ctx, g): return g * 1, g * 2
engine = torch.autograd.Variable._execution_engine
x = torch.ones(3, requires_grad=True)
one = torch.ones(3)
seen = []
"""

test_post_hooks_see_all_that_a_function_returns = table(
    """
y = Two.apply(x, one); h = y.grad_fn.register_hook(lambda i, o: seen.extend(i)); y.sum().backward(); seen
y = Two.apply(one, x); h = y.grad_fn.register_hook(lambda i, o: seen.extend(i)); y.sum().backward(); seen; y.grad_fn.next_functions[0]
y = Two.apply(x, one); h = y.grad_fn.register_hook(lambda i, o: (i[0], i[1] * 2)); y.sum().backward(); x.grad
y = x * one; h = y.grad_fn.register_hook(lambda i, o: seen.extend(i)); y.sum().backward(); seen
""",
    setup=SETUP,
)

test_faults = table(
    """
torch.autograd.backward([x, 3], [one[:2], None], create_graph=True)
torch.autograd.backward([x * 1, 3], [one, None])
torch.autograd.grad([3], x)
torch.autograd.grad(3, x)
torch.autograd.backward([3, x])
torch.autograd.grad([x.sum(), "a"], x)
torch.autograd.backward([x], [one[:2], 3])
torch.autograd.backward([x], [3])
torch.autograd.backward([], [], create_graph=True)
torch.autograd.grad([], x)
torch.autograd.grad(x.sum(), [3, one])
torch.autograd.grad(x.sum(), [one, 3])
torch.autograd.grad(x * 1, [one])
torch.autograd.backward(x.sum(), inputs=[one], create_graph=True)
torch.autograd.backward(one, create_graph=True)
torch.autograd.backward(x * 1, create_graph=True)
torch.autograd.grad(x.detach(), [one], retain_graph="a")
torch._C._will_engine_execute_node(3)
torch._C._will_engine_execute_node(one)
torch._C._will_engine_execute_node((x * 2).grad_fn)
torch._C._current_graph_task_execution_order()
torch._C._current_graph_task_id()
y = x * 2; h = y.register_hook(lambda g: torch._C._current_graph_task_execution_order()); y.sum().backward()
""",
    setup=SETUP,
)

test_callbacks = scripts(
    tol=EXACT,
    order_and_modes="""
        engine = torch.autograd.Variable._execution_engine
        x, seen = torch.ones(3, requires_grad=True), []
        def last(): seen.append("last")
        def first(): engine.queue_callback(last); seen.append((torch.is_grad_enabled(), x.grad.tolist()))
        y = x * 2
        h = y.register_hook(lambda g: engine.queue_callback(first))
        y.sum().backward()
        seen
        with torch.no_grad(): y.sum()
    """,
    those_of_a_nested_pass="""
        engine = torch.autograd.Variable._execution_engine
        x, seen = torch.ones(3, requires_grad=True), []
        def nested(g):
            with torch.enable_grad():
                w = torch.ones(3, requires_grad=True) * 3
                w.register_hook(lambda g: engine.queue_callback(lambda: seen.append("inner")))
                engine.queue_callback(lambda: seen.append("outer"))
                w.sum().backward()
            seen.append("after the inner pass")
        y = x * 2
        h = y.register_hook(nested)
        y.sum().backward()
        seen
    """,
    that_fail="""
        engine = torch.autograd.Variable._execution_engine
        x, seen = torch.ones(3, requires_grad=True), []
        def fail(): seen.append(1); raise ValueError("callback")
        y = x * 2
        h = y.register_hook(lambda g: (engine.queue_callback(fail), engine.queue_callback(lambda: seen.append(2)), None)[2])
        y.sum().backward()
        seen, x.grad
        h.remove()
        h = y.register_hook(lambda g: engine.queue_callback(3))
        (y * 1).sum().backward()
        engine.queue_callback(3)
    """,
    passes_in_them="""
        engine = torch.autograd.Variable._execution_engine
        x, w = torch.ones(3, requires_grad=True), torch.ones(3, requires_grad=True)
        def another():
            with torch.enable_grad(): (w * 2).sum().backward()
        y = x * 2
        h = y.register_hook(lambda g: engine.queue_callback(another))
        y.sum().backward()
        w.grad, x.grad
    """,
)


@parity
def test_order_of_execution(torch):
    """As it is asked for before anything has run."""
    x = torch.ones(3, requires_grad=True)
    w = torch.ones(3, requires_grad=True)

    def ask(f):
        seen = []
        z = f()
        root = z.sum()
        root.register_hook(
            lambda g: seen.extend(n.name() for n in torch._C._current_graph_task_execution_order())
        )
        return root, seen

    def chain():
        y = x * 2
        return y.exp() + y * w

    with torch.autograd.set_multithreading_enabled(False):
        root, seen = ask(chain)
        root.backward()
        yield seen
        root, seen = ask(chain)
        torch.autograd.grad(root, w)
        yield seen
        root, seen = ask(lambda: x * x)
        root.backward(inputs=[x])
        yield seen


@parity
def test_what_backward_computes_for_its_inputs(torch):
    """Nothing below an input, and of what is beside it only what leads to another."""
    ran = []

    class Ran(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, name):
            ctx.name = name
            return x.clone()

        @staticmethod
        def backward(ctx, g):
            ran.append(ctx.name)
            return g, None

    def run(f):
        ran.clear()
        x = torch.ones(3, requires_grad=True)
        a = Ran.apply(x, "a")
        b = Ran.apply(a, "b")
        c = Ran.apply(a, "c")
        f(x, a, b, c)
        return list(ran), [t.grad for t in (x, a, b) if t.is_leaf or t.retains_grad]

    one = torch.ones(3)
    yield run(lambda x, a, b, c: a.backward(one, inputs=[a]))
    yield run(lambda x, a, b, c: b.backward(one, inputs=[a]))
    yield run(lambda x, a, b, c: (b + c).backward(one, inputs=[b]))
    yield run(lambda x, a, b, c: (b + c).backward(one, inputs=[a, b]))
    yield run(lambda x, a, b, c: (b + c).backward(one, inputs=[x, b]))
    yield run(lambda x, a, b, c: torch.autograd.grad(b, a, one))
    yield run(lambda x, a, b, c: torch.autograd.grad(b + c, (a, c), one))
    yield run(lambda x, a, b, c: torch.autograd.grad(a, a, one))

    def hooks(f):
        x = torch.ones(3, requires_grad=True)
        a, seen = x * 2, []
        a.grad_fn.register_hook(lambda i, o: seen.append(["post", *i, *o]))
        a.grad_fn.register_prehook(lambda o: seen.append(["pre", *o]))
        a.register_hook(lambda g: seen.append(["tensor", g]))
        f(x, a)
        return seen

    yield hooks(lambda x, a: a.sum().backward(inputs=[a]))
    yield hooks(lambda x, a: a.backward(one, inputs=[a]))
    yield hooks(lambda x, a: torch.autograd.grad(a, a, one))
    yield hooks(lambda x, a: (a * 2).sum().backward(inputs=[x, a]))


@parity
def test_undefined_gradients(torch):
    shown = []

    class Nothing(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone(), x.clone()

        @staticmethod
        def backward(ctx, a, b):
            shown.append([a, b])
            return None

    class AsTheyCome(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, y):
            ctx.set_materialize_grads(False)
            return x.clone(), y.clone()

        @staticmethod
        def backward(ctx, a, b):
            shown.append([a, b])
            return a, b

    x = torch.ones(3, requires_grad=True)
    z = x * 1
    z.register_hook(lambda g: shown.append(["tensor", g]))
    z.grad_fn.register_hook(lambda i, o: shown.append(["post", *i, *o]))
    z.grad_fn.register_prehook(lambda o: shown.append(["pre", *o]))
    z.retain_grad()
    x.register_hook(lambda g: shown.append(["leaf", g]))
    x.register_post_accumulate_grad_hook(lambda p: shown.append(["accumulated", p.grad]))
    a, b = Nothing.apply(z)
    a.sum().backward()
    yield shown, z.grad, x.grad
    a, b = Nothing.apply(z)
    yield torch.autograd.grad(a.sum(), [z, x], allow_unused=True)
    a, b = Nothing.apply(z)
    yield torch.autograd.grad(a.sum(), [z], allow_unused=True, materialize_grads=True)
    a, b = Nothing.apply(z)
    yield lambda: torch.autograd.grad(a.sum(), [z])
    shown.clear()
    x, y = (torch.ones(3, requires_grad=True) for _ in range(2))
    a, b = AsTheyCome.apply(x.exp(), y.exp())
    a.sum().backward(retain_graph=True)
    yield shown, x.grad, y.grad
    a.sum().backward(inputs=[y])
    yield shown, y.grad
    a, b = AsTheyCome.apply(x, y)
    torch.autograd.backward([a, b], [torch.ones(3)] * 2)
    yield shown, x.grad, y.grad
