"""`torch.utils._pytree`: nested containers as leaves and a structure."""

from __future__ import annotations

import importlib

from parity import SELFTEST, parity, subject, table

SETUP = """
from collections import OrderedDict, defaultdict, deque, namedtuple
import importlib
P = importlib.import_module(torch.__name__ + ".utils._pytree")
Point = namedtuple("Point", "a b")
trees = [1, None, (1,), (1, 2), [1, (2, 3)], {"b": 1, "a": 2}, OrderedDict(z=1, a=2), Point(1, [2])]
trees += [deque([1, 2]), deque([1], maxlen=3), defaultdict(int, {"a": 1}), (), [], {}]
trees += [torch.Size([1, 2]), {"x": [1, {"y": (1,)}]}, "text", {1}, type("L", (list,), {})([1, 2])]
structure = P.tree_structure
"""

test_trees = table(
    """
[P.tree_leaves(t) for t in trees]
[str(structure(t)) for t in trees]
[P.treespec_pprint(structure(t)) for t in trees]
[(s.num_leaves, s.num_nodes, s.num_children, s.is_leaf()) for s in map(structure, trees)]
[P.tree_unflatten(list(range(structure(t).num_leaves)), structure(t)) for t in trees]
[structure(a) == structure(b) for a in trees for b in trees]
[hash(structure(t)) == hash(structure(t)) for t in trees]
[str(c) for c in structure(trees[4]).children()], str(structure(trees[4]).child(1))
structure((1, [2])).children_specs
structure(1) == P.LeafSpec(), str(P.LeafSpec())
isinstance(structure(1), P.LeafSpec)
P.tree_unflatten([1], structure((1, 2)))
P.tree_unflatten([1], 3)
P.tree_map(lambda a: a * 2, trees[4])
P.tree_map(lambda a, b: a + b, (1, [2]), (3, [4]))
P.tree_map(lambda a, b: (a, b), {"a": 1, "b": 2}, {"b": 3, "a": 4})
P.tree_map(lambda a: a, (1, [2, None]), is_leaf=lambda t: isinstance(t, list))
P.tree_map(lambda a, b: a + b, (1, [2]), (3, (4,)))
P.tree_map(lambda a, b: a + b, (1, [2]), (3, [4, 5]))
P.tree_map(lambda a, b: a + b, {"a": 1}, {"b": 2})
P.tree_map(lambda a, b: a + b, (1,), 2)
P.tree_map_only(int, lambda a: a + 1, (1, [2, None, 1.5]))
P.tree_map_only((int, float), lambda a: a + 1, (1, [2, None, 1.5]))
P.tree_map_only(lambda t: t is None, lambda a: 7, (1, [2, None, 1.5]))
seen = []; P.tree_map_(seen.append, [1, (2,)]); seen
list(P.tree_iter({"a": (1, 2)}))
P.tree_all(lambda t: t > 0, [1, 2]), P.tree_any(lambda t: t > 1, [1, (2,)]), P.tree_any(bool, [])
P.tree_all_only(int, lambda t: t > 0, [1, "a"]), P.tree_any_only(str, len, [1, ""])
P.tree_is_leaf(1), P.tree_is_leaf([1]), P.tree_is_leaf([1], lambda t: True)
P.tree_map_with_path(lambda p, t: P.keystr(p) + str(t), {"a": (1, [2]), "n": Point(1, 2)})
[(P.keystr(p), t) for p, t in P.tree_leaves_with_path([1, {"k": (2,)}])]
P.key_get([1, {"k": (2,)}], P.tree_flatten_with_path([1, {"k": (2,)}])[0][1][0])
P._broadcast_to_and_flatten(1, structure((1, [2, 3])))
P._broadcast_to_and_flatten((1, 2), structure((1, [2, 3])))
P._broadcast_to_and_flatten((1, 2, 3), structure((1, [2, 3])))
P.is_namedtuple(Point(1, 2)), P.is_namedtuple(Point), P.is_namedtuple((1, 2)), P.is_namedtuple_class(tuple)
P.tree_map(lambda t: t + 1, torch.ones(2).max(0))
""",
    setup=SETUP,
)


@parity
def test_registered_types(torch):
    p = importlib.import_module(torch.__name__ + ".utils._pytree")

    class Box:
        def __init__(self, items, label):
            self.items, self.label = list(items), label

        def __repr__(self):
            return f"Box({self.items}, {self.label})"

    p.register_pytree_node(
        Box, lambda b: (b.items, b.label), lambda items, label: Box(items, label)
    )
    yield repr(p.tree_map(lambda v: v + 1, [Box([1, (2,)], "k")]))
    yield p.treespec_pprint(p.tree_structure(Box([1], "k")))
    yield p.tree_structure(Box([1], "k")) == p.tree_structure(Box([1], "l"))

    def again():
        try:
            p.register_pytree_node(Box, lambda b: ([], None), lambda items, _: None)
        except ValueError as error:
            return str(error).split(">")[-1]

    yield again()
    yield torch.func.grad(lambda b: (b.items[0] * b.items[1]).sum())(
        Box([torch.ones(2), torch.zeros(2)], "k")
    ).items


def test_its_other_name():
    torch = subject()
    if not SELFTEST:
        assert importlib.import_module("whygrad.utils._pytree") is torch.utils._pytree


TEXT_SETUP = (
    SETUP
    + """
import dataclasses, enum, time
class Color(enum.Enum):
    RED = 1
Color.__module__ = "parity_pytree"
sys = __import__("sys"); sys.modules["parity_pytree"] = type(sys)("parity_pytree")
sys.modules["parity_pytree"].Color = Color
class Box:
    def __init__(self, a): self.a = a
    def __repr__(self): return f"{type(self).__name__}({self.a})"
def box(name): return type(name, (Box,), {})
def register(cls, context="ctx", **options):
    P.register_pytree_node(cls, lambda b: ([b.a], context), lambda c, _: cls(*c), **options)
    return cls
@dataclasses.dataclass
class Data:
    a: object
    b: object = 2
    c: int = dataclasses.field(default=0, init=False)
class Constant:
    def __init__(self, v): self.v = v
    def __eq__(self, other): return isinstance(other, Constant) and self.v == other.v
    def __hash__(self): return hash(self.v)
    def __repr__(self): return f"Constant({self.v})"
def dumps(*args, **kwargs): return P.treespec_dumps(*args, **kwargs)
def loads(text): return P.treespec_loads(text)
def round_trip(tree):
    text = dumps(structure(tree)); again = loads(text)
    return text, str(again), again == structure(tree)
"""
)

test_structures_as_text = table(
    """
round_trip([1, (2, {"a": 3}), None])
round_trip(OrderedDict(a=1))
round_trip(defaultdict(list, {"a": [1]}))
round_trip(deque([1], 3)), round_trip(deque([1]))
round_trip(torch.Size([1, 2]))
round_trip({1: 2, "b": (3,)}), round_trip({(1, 2): 3})
round_trip(1)
round_trip(Point(1, [2]))
P._register_namedtuple(Point, serialized_type_name="my.Point"); dumps(structure(Point(1, [2]))), str(loads(dumps(structure(Point(1, [2])))))
round_trip(register(box("A"))(1))
register(box("A"), serialized_type_name="my.A", to_dumpable_context=list)
round_trip(register(box("B"), serialized_type_name="my.B")(1))
B = register(box("B"), serialized_type_name="my.B", to_dumpable_context=lambda c: [c], from_dumpable_context=lambda c: c[0] + "!"); round_trip(B(1))
C = register(box("C"), {1}, serialized_type_name="my.C"); dumps(structure(C(1)))
round_trip(register(box("D"), serialized_type_name="one name")([1])), str(loads(dumps(structure(register(box("E"), serialized_type_name="one name")(1)))))
F = register(box("F"), Color.RED, serialized_type_name="my.F"); dumps(structure(F(1))), loads(dumps(structure(F(1)))).context is Color.RED
dumps(3)
dumps(structure([1]), 7)
dumps(structure([1]), 1), dumps(structure([1]), protocol=None)
loads("[7, {}]")
loads('[1, {"type": "no.such", "context": null, "children_spec": []}]')
str(P.treespec_leaf()), str(P.treespec_tuple([structure(1)])), str(P.treespec_tuple()), str(P.treespec_dict({"a": structure(1)}, b=structure([1])))
P.treespec_tuple([1])
P.treespec_dict({"a": 1})
""",
    setup=TEXT_SETUP,
)

test_classes_as_nodes = table(
    """
P.register_dataclass(Data); t = Data(1, [2, 3]); str(P.tree_flatten(t)), P.tree_map(lambda x: x * 2, t), [P.keystr(k) for k, _ in P.tree_leaves_with_path(t)]
P.register_dataclass(Data); str(P.tree_flatten(Data(1, None))), P.tree_map(lambda x: x * 2, Data(1, None))
P.register_dataclass(Data); dumps(structure(Data(1)))
P.register_dataclass(Data, serialized_type_name="my.Data"); round_trip(Data(1, (None, 2)))
P.register_dataclass(Data, field_names=["a"])
P.register_dataclass(Data, field_names=["a", "b", "z"])
P.register_dataclass(Data, field_names=["a", "b"], drop_field_names=["b"])
P.register_dataclass(Data, drop_field_names=["b"]); str(P.tree_flatten(Data(1, 5))), P.tree_map(lambda x: x, Data(1, 5))
P.register_dataclass(Data, field_names=["b", "a"]); str(P.tree_flatten(Data(1, 5)))
P.register_dataclass(Data); P.register_dataclass(Data)
P.register_dataclass(box("G"))
G = box("G"); P.register_dataclass(G, field_names=["a"]); P.tree_flatten(G(1))[0], P.tree_map(lambda x: x + 1, G([1]))
P.register_constant(Constant); leaves, s = P.tree_flatten([Constant(1), 2]); leaves, str(s), P.tree_unflatten(leaves, s), s == structure([Constant(1), 3]), s == structure([Constant(2), 3])
P.register_constant(Constant); P.register_constant(Constant); P.is_constant_class(Constant), P.is_constant_class(Box), P.tree_leaves_with_path([Constant(1)])
P.register_constant(Constant); dumps(structure(Constant(1)))
P.register_constant(Constant); P._deregister_pytree_node(Constant); P.is_constant_class(Constant), P.tree_flatten(Constant(1))[0]
P.register_constant(type("N", (), {}))
P.register_constant(type("N", (), {"__eq__": lambda a, b: True}))
P.register_constant(type("N", (), {"__hash__": lambda a: 1}))
P._deregister_pytree_node(box("H"))
P.arg_tree_leaves(1, [2], a=(3,)), P.map_only(int)(lambda x: x + 1)(3), P.map_only(int)(lambda x: x + 1)("a")
[f(v) for f in (P.is_structseq, P.is_structseq_class, P.is_structseq_instance) for v in (time.localtime(), time.struct_time, 3, (1,), torch.ones(2, 2).max(0))]
[(structure(t).num_leaves, str(structure(t)), P.tree_map(lambda x: 1, t), type(t) in P.SUPPORTED_NODES) for t in (time.gmtime(0), torch.ones(2, 2).max(0))]
[str(k) for k, _ in P.tree_flatten_with_path(torch.ones(2, 2).max(0))[0]], structure(torch.ones(2, 2).max(0)).flatten_up_to(torch.ones(2, 2).min(0))
dumps(structure(torch.ones(2, 2).max(0)))
structure(torch.ones(2, 2).max(0)).flatten_up_to((1, 2))
structure((1, 2)).flatten_up_to(torch.return_types.max((1, 2)))
dicts = [c(a=1, b=2) for c in (dict, OrderedDict)] + [defaultdict(int, b=3, a=4)]; [structure(p).flatten_up_to(q) for p in dicts for q in dicts], P.tree_map(lambda x, y: (x, y), *dicts[::2])
structure({"a": 1, "b": 2}).flatten_up_to(OrderedDict(a=1, c=2))
structure(OrderedDict(a=1)).flatten_up_to([1])
structure(deque([1, 2])).flatten_up_to(deque([3, 4], 2)), structure(deque([1, 2], 2)).flatten_up_to(deque([3, 4]))
P.tree_map_only("int", len, [1])
P._is_leaf([1]), P._get_node_type([1]), P._get_node_type(Point(1, 2)).__name__, P._get_node_type(3)
P._dict_flatten({"a": 1}), P._dict_unflatten([3], ["a"]), P._tuple_flatten((1,)), P._ordereddict_unflatten([1], ["a"]), P._namedtuple_flatten(Point(1, 2))[0], P._deque_flatten(deque([1], 3))
[(str(k), v) for k, v in P._dict_flatten_with_keys({"a": 1})[0]], [str(k) for k, v in P._namedtuple_flatten_with_keys(Point(1, 2))[0]]
sorted(t.__name__ for t in P.BUILTIN_TYPES), sorted(t.__name__ for t in P.STANDARD_DICT_TYPES)
P._register_pytree_node(G := box("G"), lambda b: ([b.a], None), lambda c, _: G(*c)); P.tree_flatten(G(1))[0]
P._register_pytree_node(G := box("G"), lambda b: ([b.a], None), lambda c, _: G(*c), lambda s, c: "", lambda s: None)
P.register_pytree_node(list, None, None)
""",
    setup=TEXT_SETUP,
)
