"""What programs use of torch._C and of the modules of autograd beside their public functions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from parity import parity, table

SETUP = """
import importlib
G = importlib.import_module(torch.__name__ + ".autograd.graph")
V = importlib.import_module(torch.__name__ + ".autograd.variable")
engine = torch.autograd.Variable._execution_engine
x = torch.arange(1., 4., requires_grad=True)
y = (x * x).sum()
one = torch.ones(())
CF = torch._C._functions
"""

test_run_backward = table(
    """
engine.run_backward((y,), (one,), False, False, (), True, True), x.grad
engine.run_backward((y,), (one,), True, False, (x,), True, False), x.grad
engine.run_backward(tensors=(y,), grad_tensors=(one * 2,), keep_graph=True, create_graph=True, inputs=(x,), allow_unreachable=False, accumulate_grad=True), x.grad
engine.run_backward((y, y), (one, one), True, False, (x,), True, False)
engine.run_backward((y,), (None,), True, False)
engine.run_backward([y], (one,), True, False)
engine.run_backward((y,), [one], True, False)
engine.run_backward((y,), (), True, False)
engine.run_backward((y,), (3,), True, False)
engine.run_backward((x.detach(),), (one,), True, False)
engine.run_backward((G.get_gradient_edge(y),), (None,), True, False)
engine.run_backward((G.get_gradient_edge(y),), (one,), True, False, (x,), True, False)
G._engine_run_backward((y,), (one,), True, False, (x,), True, False)
torch.autograd._engine_run_backward is G._engine_run_backward
isinstance(engine, torch._C._ImperativeEngine), V.ImperativeEngine is torch._C._ImperativeEngine, torch._C._ImperativeEngine.__name__
G._get_grad_fn_or_grad_acc(x).name(), G._get_grad_fn_or_grad_acc(y) is y.grad_fn, G._get_grad_fn_or_grad_acc(G.get_gradient_edge(y)) is y.grad_fn
G._get_grad_fn_or_grad_acc(one)
torch.autograd.NestedIOFunction is torch.autograd.function.NestedIOFunction
torch.autograd.SavedTensor is type((x * x).grad_fn._raw_saved_self)
torch.autograd.kineto_available(), torch.autograd.has_torch_function((x,)), torch.autograd.is_tensor_like(x)
""",
    setup=SETUP,
)

test_classes_of_nodes = table(
    """
type(x.exp().grad_fn) is CF.ExpBackward0, CF.ExpBackward0.__name__, CF.ExpBackward0.__module__
type(torch.mm(x[None], x[:, None]).grad_fn) is CF.MmBackward0
type(x.exp().grad_fn.next_functions[0][0]) is CF.AccumulateGrad, isinstance(y.grad_fn, CF.AccumulateGrad)
z = x * 1; z[0].exp_(); isinstance(z.grad_fn, CF.CopySlices)
isinstance(y.grad_fn, CF.ConvolutionBackward0)
hasattr(CF, "no_such_name"), hasattr(CF, "MulBackward"), hasattr(CF, "ExpBackward0")
e = CF.DelayedError("too late", 1); z = e(x); z, z.grad_fn.name(), z.grad_fn.next_functions[0][0].name(), z.data_ptr() == x.data_ptr(), z._is_view()
CF.DelayedError("too late", 1)(x).sum().backward()
a, b = CF.DelayedError("too late", 2)(x, one); a.grad_fn is b.grad_fn, a.output_nr, b.output_nr, len(a.grad_fn.next_functions)
z = x * 1; a = CF.DelayedError("too late", 1)(z); z.add_(1); a._version, z._version
torch.set_grad_enabled(False); CF.DelayedError("too late", 1)(x).grad_fn.name(); torch.set_grad_enabled(True)
CF.DelayedError("too late", 1)(torch.ones(2, dtype=torch.int64)), CF.DelayedError("too late", 1)(one)
CF.DelayedError("too late", 2)(x)
CF.DelayedError("too late", 1)(3)
CF.DelayedError("too late")
CF.DelayedError(3, 1)
u = CF.UndefinedGrad()(x); u, u.grad_fn.name(), u.data_ptr() == x.data_ptr(), u._is_view()
seen = []; h = x.register_post_accumulate_grad_hook(lambda t: seen.append(t.grad)); CF.UndefinedGrad()(x).sum().backward(); x.grad, seen
torch.autograd.grad(CF.UndefinedGrad()(x).sum(), x, allow_unused=True)
CF.UndefinedGrad()(x, x)
CF.UndefinedGrad()(3)
CF.UndefinedGrad(3)
""",
    setup=SETUP,
)

test_attributes_beside_the_public_ones = table(
    """
y = x * 2; y._grad, y._grad_fn is y.grad_fn, x._grad_fn
x._grad = torch.ones(3); x.grad, x._grad is x.grad
x._grad = 3
x._grad = torch.ones(2)
x._grad = torch.ones(3); del x._grad; x.grad
y = x * 2; y._grad_fn = None; y, y.grad_fn, y.requires_grad
y = x * 2; y._grad_fn = y.grad_fn
y = x * 2; del y._grad_fn
y = x * 2; v = y[:2]; v._grad_fn = None
x.volatile
x.volatile = True; x.requires_grad
a = y.grad_fn.next_functions[0][0].next_functions[0][0]; a.variable is x, "variable" in dir(a), "variable" in dir(y.grad_fn)
""",
    setup=SETUP,
)


@parity
def test_the_node_whose_turn_it_is(torch: Any) -> Iterator[Any]:
    seen: list[Any] = []

    def look(place: str) -> Any:
        def hook(*args: Any) -> None:
            node = torch._C._current_autograd_node()
            seen.append((place, node if node is None else node.name()))

        return hook

    class Double(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            seen.append(("ctx", torch._C._current_autograd_node() is ctx))
            z = torch.ones(2, requires_grad=True)
            w = z.exp()
            w.register_hook(look("nested"))
            w.sum().backward()
            seen.append(("ctx", torch._C._current_autograd_node() is ctx))
            return g * 2

    look("outside")()
    x = torch.ones(3, requires_grad=True)
    y = x.exp()
    y.register_hook(look("hook"))
    y.grad_fn.register_prehook(look("before"))
    y.grad_fn.register_hook(look("after"))
    x.register_hook(look("leaf"))
    x.register_post_accumulate_grad_hook(look("accumulated"))
    Double.apply(y).sum().backward()
    look("outside")()
    yield seen
    seen.clear()
    z = x * 1
    z.register_hook(lambda g: torch.autograd.Variable._execution_engine.queue_callback(look("end")))
    z.register_hook(lambda g: 1 / 0)
    try:
        z.sum().backward()
    except ZeroDivisionError:
        look("failed")()
    yield seen


TWICE = """
def twice(context):
    with context:
        try: context.__enter__()
        except RuntimeError as e: return str(e)
"""

test_walks_over_nested_values = table(
    """
list(A._iter_tensors([x, [y, (one,)], None, {"a": x}])), list(A._iter_tensors(None)), list(A._iter_tensors({"a": [x, {"b": y}]}))
list(A._iter_tensors([x, 3]))
list(A._iter_tensors("x"))
list(A._iter_tensors(NT(x, y)))
list(A._iter_None_tensors([x, None, [None]])), list(A._iter_None_tensors(None))
list(A._iter_None_tensors([3]))
list(A._iter_tensors_permissive([x, 3, "x", [x], None, {"k": 3}])), list(A._iter_tensors_permissive(3))
list(A._iter_filter(is_int, allow_unknown=True)([1, "a", [2]]))
list(A._iter_filter(is_int, condition_msg="numbers")(["a"]))
list(A._iter_filter(is_int, conversion=lambda v: v if isinstance(v, list) else int(v))(["1", ["2"]]))
A._nested_map(is_int, lambda v: v + 1)([1, (2, 3), {"a": 4}, None]), A._nested_map(is_int, lambda v: v + 1)(NT(1, 2)).b
A._nested_map(is_int, lambda v: v + 1, "numbers")(["s"])
A._nested_map(is_int, lambda v: v + 1)(2.5)
A._map_tensor_data([x, (y,)])
A._map_tensor_data([3])
A._unflatten([1, 2, 3], [0, [0, 0]]), A._unflatten((1, 2, 3), [0, None, (0, 0)]), A._unflatten([1], 0), A._unflatten([1, 2], {"a": 0}), A._unflatten([], [None])
A._unflatten([1], [0, 0])
""",
    setup=SETUP
    + """
A = importlib.import_module(torch.__name__ + ".autograd.function")
NT = __import__("collections").namedtuple("NT", "a b")
is_int = lambda v: isinstance(v, int)
""",
)

test_profiler_names = table(
    """
P = torch.autograd.profiler; P.kineto_available(), torch.profiler.kineto_available()
e = torch.autograd.profiler.emit_itt(); e.__enter__() is e, e.__exit__(None, None, None)
twice(torch.autograd.profiler.emit_itt())
torch.autograd.profiler.emit_itt(enabled=False).__enter__(), torch.autograd.profiler.emit_nvtx(False).__enter__()
torch.autograd.profiler.emit_nvtx().__enter__()
""",
    setup=SETUP + TWICE,
)

test_modes_by_their_names = table(
    """
O._len_torch_function_stack(), O._is_torch_function_mode_enabled()
m = O.BaseTorchFunctionMode(); O._push_mode(m); r = O._len_torch_function_stack(), O._is_torch_function_mode_enabled(), O._get_function_stack_at(0) is m, O._pop_mode() is m; r
O._pop_mode()
""",
    setup=SETUP + 'O = importlib.import_module(torch.__name__ + ".overrides")\n',
)


@parity(how=["mode", "no subclass", "nothing", "popped"])
def test_a_vmap_draws_below_modes(torch: Any, how: str) -> Iterator[Any]:
    # Whatever answers calls, or is kept from it, numbers are drawn for the samples.
    overrides = torch.overrides
    context = {
        "mode": overrides.BaseTorchFunctionMode,
        "no subclass": torch._C.DisableTorchFunctionSubclass,
        "nothing": torch._C.DisableTorchFunction,
        "popped": lambda: overrides._pop_mode_temporarily(),
    }[how]

    def draw(x: Any) -> Any:
        with context():
            noise = torch.rand(2)
        return x + noise

    with overrides.BaseTorchFunctionMode():
        for randomness in ("different", "same"):
            torch.manual_seed(0)
            yield torch.vmap(draw, randomness=randomness)(torch.zeros(3))
        yield torch.vmap(draw, randomness="error")(torch.zeros(3))


@parity
def test_operations_that_policies_are_not_asked_about(torch: Any) -> Iterator[Any]:
    import importlib

    checkpoint = importlib.import_module(f"{torch.__name__}.utils.checkpoint")
    asked: list[str] = []

    def policy(ctx: Any, op: Any, *args: Any, **kwargs: Any) -> Any:
        asked.append(str(op))
        return checkpoint.CheckpointPolicy.MUST_SAVE

    def run() -> Any:
        asked.clear()
        x = torch.arange(4.0).reshape(2, 2).requires_grad_()
        contexts = lambda: checkpoint.create_selective_checkpoint_contexts(policy)  # noqa: E731
        y = checkpoint.checkpoint(
            lambda t: (t.mm(t) * t).mm(t) * 2, x, use_reentrant=False, context_fn=contexts
        )
        y.sum().backward()
        return x.grad, list(asked)

    yield run()
    checkpoint.SAC_IGNORED_OPS.add(torch.ops.aten.mm.default)
    try:
        yield run()
    finally:
        checkpoint.SAC_IGNORED_OPS.discard(torch.ops.aten.mm.default)
    yield run()
