"""torch.ops: operations as objects, against PyTorch."""

# ruff: noqa: E501 (one case per line)
from __future__ import annotations

from parity import table

SETUP = """
def missing(f):
    try:
        return f()
    except AttributeError as error:
        return str(error)
"""

test_ops = table(
    """
str(torch.ops.aten.mm); repr(torch.ops.aten.mm)
str(torch.ops.aten.mm.default); repr(torch.ops.aten.sum.dim_IntList)
torch.ops.aten.mm is torch.ops.aten.mm; torch.ops.aten.mm.default is torch.ops.aten.mm.default; torch.ops.aten.mm.default == torch.ops.aten.bmm.default
len({torch.ops.aten.mm.default, torch.ops.aten.mm.default, torch.ops.aten.add.Tensor}); torch.ops.aten.mm.default in [torch.ops.aten.mm.default]
type(torch.ops.aten.mm).__name__; type(torch.ops.aten.mm.default).__name__; type(torch.ops.aten).__name__
(lambda o: (o.name(), o.namespace, o.__name__, o.__module__, str(o.overloadpacket), o.overloadpacket is torch.ops.aten.sum))(torch.ops.aten.sum.dim_IntList)
(lambda o: (o.name(), o.namespace, o.__name__, o._overloadname, o._name))(torch.ops.aten.mm.default)
(lambda o: (o.__name__, o.__module__, o._qualified_op_name))(torch.ops.aten.mm)
[repr(o) for o in (torch.ops.aten.add_.Tensor, torch.ops.aten.pow.Tensor_Scalar, torch.ops.aten.relu.default, torch.ops.aten._softmax.default)]
missing(lambda: torch.ops.aten.foo)
missing(lambda: torch.ops.aten.mm.foo)
missing(lambda: torch.ops.foo.bar)
missing(lambda: torch.ops.aten.__foo__)
repr(torch.ops.aten); repr(torch.ops)
torch.ops.aten.mm(torch.eye(2), torch.ones(2, 2)); torch.ops.aten.mm.default(torch.eye(2), torch.ones(2, 2)); torch.ops.aten.mm.default(torch.eye(2), mat2=torch.ones(2, 2))
torch.ops.aten.sum.dim_IntList(torch.ones(2, 3), [0]); torch.ops.aten.sum.default(torch.ones(2)); torch.ops.aten.relu.default(torch.tensor([-1.0, 1.0]))
x = torch.ones(2); torch.ops.aten.add_.Tensor(x, 2); x; torch.ops.aten.view.default(x, [2, 1])
""",
    setup=SETUP,
)


def test_every_operation_is_there():
    """The names are PyTorch's."""
    import torch
    import whygrad

    names = whygrad._C._operation_names()
    assert len(names) > 400
    for name in names:
        operation, overload = name.split(".")
        ours = getattr(getattr(whygrad.ops.aten, operation), overload)
        theirs = getattr(getattr(torch.ops.aten, operation), overload)
        assert str(ours) == str(theirs) and ours.name() == theirs.name()
        assert repr(ours) == repr(theirs)
