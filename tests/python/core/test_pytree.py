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
