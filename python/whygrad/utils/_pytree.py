"""`torch.utils._pytree`: nested containers, seen as a list of leaves and a description of the rest.

A node is a tuple, list, dict, OrderedDict, defaultdict, deque, named tuple, or of a type that was
registered; of these very types, not of subclasses. Everything else is a leaf, None included.
`tree_flatten` and `TreeSpec` are the whole of it; the other functions are made of these. Structures
are written as text in `_pytree_text.py`; `_pytree_classes.py` makes nodes of dataclasses and constants.
"""

from __future__ import annotations

import warnings
from collections import OrderedDict, defaultdict, deque, namedtuple
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, NoReturn

from .. import _C

__all__ = [
    "Context",
    "FlattenFunc",
    "LeafSpec",
    "PyTree",
    "TreeSpec",
    "UnflattenFunc",
    "PyTreeSpec",
    "is_namedtuple",
    "is_namedtuple_class",
    "is_namedtuple_instance",
    "is_structseq",
    "is_structseq_class",
    "is_structseq_instance",
    "key_get",
    "keystr",
    "register_pytree_node",
    "tree_all",
    "tree_all_only",
    "tree_any",
    "tree_any_only",
    "tree_flatten",
    "tree_flatten_with_path",
    "tree_is_leaf",
    "tree_iter",
    "tree_leaves",
    "tree_leaves_with_path",
    "tree_map",
    "tree_map_",
    "tree_map_only",
    "tree_map_only_",
    "tree_map_with_path",
    "tree_structure",
    "tree_unflatten",
    "treespec_dumps",
    "treespec_loads",
    "treespec_pprint",
]

PyTree = Any
Context = Any
FlattenFunc = Callable[[Any], tuple[list[Any], Any]]
UnflattenFunc = Callable[[Iterable[Any], Any], Any]
FlattenFn, UnflattenFn = FlattenFunc, UnflattenFunc
DumpableContext = Any
ToDumpableContextFn = Callable[[Any], Any]
FromDumpableContextFn = Callable[[Any], Any]


class SequenceKey(NamedTuple):
    """A step of a path: into a sequence."""

    idx: int

    def __str__(self) -> str:
        return f"[{self.idx!r}]"

    def get(self, sequence: Any) -> Any:
        """Take the step."""
        return sequence[self.idx]


class MappingKey(NamedTuple):
    """A step of a path: into a mapping."""

    key: Any

    def __str__(self) -> str:
        return f"[{self.key!r}]"

    def get(self, mapping: Any) -> Any:
        """Take the step."""
        return mapping[self.key]


class GetAttrKey(NamedTuple):
    """A step of a path: to an attribute."""

    name: str

    def __str__(self) -> str:
        return f".{self.name}"

    def get(self, obj: Any) -> Any:
        """Take the step."""
        return getattr(obj, self.name)


class NodeDef(NamedTuple):
    """How nodes of a type come apart and together again."""

    type: Any
    flatten_fn: FlattenFunc
    unflatten_fn: UnflattenFunc
    keys_fn: Callable[[Any], list[Any]] | None
    # How `treespec_dumps` writes the type, and its context if not as JSON does.
    name: str | None = None
    dump: ToDumpableContextFn | None = None
    load: FromDumpableContextFn | None = None


def _is_named(cls: type) -> bool:
    fields = getattr(cls, "_fields", None)
    return issubclass(cls, tuple) and isinstance(fields, tuple) and hasattr(cls, "_make")


def _is_structseq(cls: type) -> bool:
    return issubclass(cls, tuple) and type(getattr(cls, "n_sequence_fields", None)) is int


def is_structseq_class(cls: type) -> bool:
    """Whether `cls` is a class of C's named tuples, as `time.struct_time`."""
    return isinstance(cls, type) and _is_structseq(cls)


def is_structseq_instance(obj: object) -> bool:
    """Whether `obj` is one of C's named tuples."""
    return _is_structseq(type(obj))


def is_structseq(obj: Any) -> bool:
    """Whether `obj` is one of C's named tuples, or a class of such."""
    return is_structseq_class(obj if isinstance(obj, type) else type(obj))


def is_namedtuple_class(cls: type) -> bool:
    """Whether `cls` was made by collections.namedtuple or typing.NamedTuple, or derives from such."""
    return isinstance(cls, type) and _is_named(cls)


def is_namedtuple_instance(obj: Any) -> bool:
    """Whether `obj` is a named tuple."""
    return _is_named(type(obj))


def is_namedtuple(obj: Any) -> bool:
    """Whether `obj` is a named tuple, or a class of such."""
    return is_namedtuple_class(obj if isinstance(obj, type) else type(obj))


_sequence_keys: Callable[[Any], list[Any]] = lambda c: [SequenceKey(i) for i in range(len(c))]  # noqa: E731
_mapping_keys: Callable[[Any], list[Any]] = lambda d: [MappingKey(k) for k in d]  # noqa: E731


def _defaults(children: Iterable[Any], context: Any) -> defaultdict:
    factory, keys = context
    return defaultdict(factory, zip(keys, children, strict=True))


SUPPORTED_NODES: dict[Any, NodeDef] = {
    node.type: node
    for node in (
        NodeDef(
            tuple,
            lambda t: (list(t), None),
            lambda c, _: tuple(c),
            _sequence_keys,
            "builtins.tuple",
        ),
        NodeDef(list, lambda t: (t, None), lambda c, _: list(c), _sequence_keys, "builtins.list"),
        NodeDef(
            dict,
            lambda d: (list(d.values()), list(d)),
            lambda c, keys: dict(zip(keys, c, strict=True)),
            _mapping_keys,
            "builtins.dict",
        ),
        NodeDef(
            OrderedDict,
            lambda d: (list(d.values()), list(d)),
            lambda c, keys: OrderedDict(zip(keys, c, strict=True)),
            _mapping_keys,
            "collections.OrderedDict",
        ),
        NodeDef(
            defaultdict,
            lambda d: (list(d.values()), [d.default_factory, list(d)]),
            _defaults,
            _mapping_keys,
            "collections.defaultdict",
        ),
        NodeDef(
            deque,
            lambda d: (list(d), d.maxlen),
            lambda c, length: deque(c, maxlen=length),
            _sequence_keys,
            "collections.deque",
        ),
        NodeDef(
            namedtuple,
            lambda t: (list(t), type(t)),
            lambda c, cls: cls(*c),
            lambda t: [GetAttrKey(name) for name in t._fields],
            "collections.namedtuple",
        ),
        NodeDef(
            _C.Size,
            lambda t: (list(t), None),
            lambda c, _: tuple(c),
            _sequence_keys,
            "torch.Size",
        ),
    )
}
BUILTIN_TYPES = frozenset(cls for cls in SUPPORTED_NODES if cls is not _C.Size)
STANDARD_DICT_TYPES = frozenset((dict, OrderedDict, defaultdict))
CONSTANT_NODES: set[type] = set()
_named_names: dict[type, str] = {}  # of classes of named tuples, in texts


def _node_of(tree: Any) -> NodeDef | None:
    """How `tree` comes apart; None for a leaf."""
    cls = type(tree)
    node = SUPPORTED_NODES.get(cls)
    if node is not None or not isinstance(tree, tuple):
        return node
    return SUPPORTED_NODES[namedtuple] if _is_named(cls) else None


def register_pytree_node(
    cls: type,
    flatten_fn: FlattenFunc,
    unflatten_fn: UnflattenFunc,
    *,
    serialized_type_name: str | None = None,
    to_dumpable_context: Any = None,
    from_dumpable_context: Any = None,
    flatten_with_keys_fn: Any = None,
) -> None:
    """Make objects of `cls` nodes.

    `flatten_fn(obj)` gives the children and a context, `unflatten_fn(children, context)` an object.
    `flatten_with_keys_fn(obj)` gives pairs (key, child) in place of the children. `treespec_dumps`
    writes the type as `serialized_type_name`, and a context as what `to_dumpable_context` makes of
    it; `from_dumpable_context` undoes that.

    Raises:
        ValueError: `cls` is registered already, or of the last two one is missing.
    """
    if cls in SUPPORTED_NODES:
        raise ValueError(f"{cls} is already registered as pytree node.")
    keys = None
    if flatten_with_keys_fn is not None:
        keys = lambda obj: [key for key, _ in flatten_with_keys_fn(obj)[0]]  # noqa: E731
    if (to_dumpable_context is None) != (from_dumpable_context is None):
        raise ValueError(
            f"Both to_dumpable_context and from_dumpable_context for {cls} must be None or registered."
        )
    SUPPORTED_NODES[cls] = NodeDef(
        cls,
        flatten_fn,
        unflatten_fn,
        keys,
        serialized_type_name,
        to_dumpable_context,
        from_dumpable_context,
    )


def _private_register_pytree_node(cls: type, *functions: Any, **options: Any) -> None:
    """Register as `register_pytree_node` does, also over a registration."""
    if SUPPORTED_NODES.pop(cls, None) is not None:
        warnings.warn(
            f"{cls} is already registered as pytree node. Overwriting the previous registration.",
            stacklevel=3,
        )
    register_pytree_node(cls, *functions, **options)


def _register_pytree_node(
    cls: type,
    flatten_fn: FlattenFunc,
    unflatten_fn: UnflattenFunc,
    to_str_fn: Any = None,
    maybe_from_str_fn: Any = None,
    **options: Any,
) -> None:
    """The older name of `register_pytree_node`."""
    warnings.warn(
        "`torch.utils._pytree._register_pytree_node` is deprecated. Please use "
        "`torch.utils._pytree.register_pytree_node` instead.",
        FutureWarning,
        stacklevel=2,
    )
    if to_str_fn is not None or maybe_from_str_fn is not None:
        warnings.warn(
            "`to_str_fn` and `maybe_from_str_fn` is deprecated. Please use `to_dumpable_context` and "
            "`from_dumpable_context` instead.",
            FutureWarning,
            stacklevel=2,
        )
    _private_register_pytree_node(cls, flatten_fn, unflatten_fn, **options)


def _deregister_pytree_node(cls: type) -> None:
    """Make objects of `cls` leaves again."""
    del SUPPORTED_NODES[cls]
    CONSTANT_NODES.discard(cls)


def _register_namedtuple(cls: type, *, serialized_type_name: str) -> None:
    """Say how `treespec_dumps` writes a class of named tuples."""
    _named_names[cls] = serialized_type_name


def _get_node_type(tree: Any) -> Any:
    node = _node_of(tree)
    return type(tree) if node is None else node.type


class TreeSpec:
    """What is left of a tree without its leaves; of a leaf, a spec with `type` None."""

    __slots__ = ("_children", "context", "num_leaves", "num_nodes", "type")

    num_leaves: int
    num_nodes: int

    def __init__(
        self, type: Any = None, context: Any = None, children_specs: list[TreeSpec] | None = None
    ) -> None:
        self.type = type
        self.context = context
        self._children = list(children_specs or ())
        self.num_nodes = 1 + sum(c.num_nodes for c in self._children)
        self.num_leaves = 1 if type is None else sum(c.num_leaves for c in self._children)

    @property
    def num_children(self) -> int:
        """How many children the node has."""
        return len(self._children)

    def children(self) -> list[TreeSpec]:
        """The specs of the children."""
        return list(self._children)

    def child(self, index: int) -> TreeSpec:
        """The spec of one child."""
        return self._children[index]

    @property
    def children_specs(self) -> list[TreeSpec]:
        """The specs of the children; `children()` is the newer name."""
        warnings.warn(
            "`treespec.children_specs` is deprecated. Use `treespec.child(index)` to access a single child, or "
            "`treespec.children()` to get all children.",
            FutureWarning,
            stacklevel=2,
        )
        return list(self._children)

    def is_leaf(self) -> bool:
        """Whether the tree is a single leaf."""
        return self.type is None

    def flatten_up_to(self, tree: Any) -> list[Any]:
        """The subtrees of `tree` at the places of the leaves.

        Raises:
            ValueError: `tree` does not have this structure at its top.
        """
        found: list[Any] = []
        self._collect(tree, found)
        return found

    def _collect(self, tree: Any, found: list[Any]) -> None:
        if self.type is None:
            found.append(tree)
            return
        node = _node_of(tree)
        # All dicts with the same keys go together.
        is_dict = self.type in STANDARD_DICT_TYPES
        if node is None or not (
            node.type in STANDARD_DICT_TYPES if is_dict else node.type is self.type
        ):
            got = type(tree) if node is None else node.type
            what = "Node type" if self.type in BUILTIN_TYPES else "Type"
            raise ValueError(f"{what} mismatch; expected {self.type!r}, but got {got!r}.")
        children, context = node.flatten_fn(tree)
        children = list(children)
        if len(children) != len(self._children):
            raise ValueError(
                f"Node arity mismatch; expected {len(self._children)}, but got {len(children)}."
            )
        if is_dict:
            mine = self.context[1] if self.type is defaultdict else self.context
            if set(mine) != set(tree):
                missing, extra = set(mine) - set(tree), set(tree) - set(mine)
                text = f"; missing key(s): {missing}" if missing else ""
                text += f"; extra key(s): {extra}" if extra else ""
                raise ValueError(f"Node keys mismatch{text}.")
            children = [tree[key] for key in mine]
        elif context != self.context and self.type is not deque:  # whatever its length may be
            raise ValueError(
                f"Node context mismatch for custom node type {self.type!r}; "
                f"expected {self.context!r}, but got {context!r}."
            )
        for spec, child in zip(self._children, children, strict=True):
            spec._collect(child, found)

    def unflatten(self, leaves: Iterable[Any]) -> Any:
        """The tree with these leaves.

        Raises:
            ValueError: there are more or fewer of them than places.
        """
        leaves = leaves if isinstance(leaves, list | tuple) else list(leaves)
        if len(leaves) != self.num_leaves:
            raise ValueError(
                f"treespec.unflatten(leaves): `leaves` has length {len(leaves)} but the spec refers to a pytree that "
                f"holds {self.num_leaves} items ({self})."
            )
        return self._build(iter(leaves))

    def _build(self, leaves: Iterator[Any]) -> Any:
        if self.type is None:
            return next(leaves)
        children = [c._build(leaves) for c in self._children]
        node = SUPPORTED_NODES.get(self.type)
        if node is not None:
            return node.unflatten_fn(children, self.context)
        return self.type(children)

    def __repr__(self, indent: int = 0) -> str:
        if self.type is None:
            return "*"
        # PyTorch indents the first child further than its siblings.
        between = ",\n" + " " * (indent + 2)
        texts = [c.__repr__(indent + 2) for c in self._children]
        return f"TreeSpec({self.type.__name__}, {self.context}, [{between.join(texts)}])"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TreeSpec):
            return NotImplemented
        return (
            self.type is other.type
            and self.context == other.context
            and self._children == other._children
        )

    def __hash__(self) -> int:
        return hash((self.type, self.num_leaves, len(self._children)))


class LeafSpec(TreeSpec):
    """The spec of a single leaf."""

    __slots__ = ()

    def __init__(self) -> None:
        warnings.warn(
            "`isinstance(treespec, LeafSpec)` is deprecated, use `isinstance(treespec, TreeSpec) and treespec.is_leaf()` "
            "instead.",
            FutureWarning,
            stacklevel=2,
        )
        super().__init__()


PyTreeSpec = TreeSpec
_LEAF = LeafSpec.__new__(LeafSpec)  # without the warning
TreeSpec.__init__(_LEAF)

IsLeaf = Callable[[Any], bool] | None


def _flatten(tree: Any, leaves: list[Any], is_leaf: IsLeaf) -> TreeSpec:
    node = None if is_leaf is not None and is_leaf(tree) else _node_of(tree)
    if node is None:
        leaves.append(tree)
        return _LEAF
    children, context = node.flatten_fn(tree)
    return TreeSpec(node.type, context, [_flatten(c, leaves, is_leaf) for c in children])


def tree_flatten(tree: Any, is_leaf: IsLeaf = None) -> tuple[list[Any], TreeSpec]:
    """The leaves of `tree`, and its structure. What `is_leaf` says yes to is not looked into."""
    leaves: list[Any] = []
    spec = _flatten(tree, leaves, is_leaf)
    return leaves, spec


def tree_unflatten(leaves: Iterable[Any], treespec: TreeSpec) -> Any:
    """The tree of this structure with these leaves.

    Raises:
        TypeError: `treespec` is none.
        ValueError: there are more or fewer leaves than places.
    """
    if not isinstance(treespec, TreeSpec):
        raise TypeError(
            f"Expected `treespec` to be an instance of PyTreeSpec but got item of type {type(treespec)}."
        )
    return treespec.unflatten(leaves)


def tree_iter(tree: Any, is_leaf: IsLeaf = None) -> Iterator[Any]:
    """The leaves, one after the other."""
    yield from tree_flatten(tree, is_leaf)[0]


def tree_leaves(tree: Any, is_leaf: IsLeaf = None) -> list[Any]:
    """The leaves of `tree`."""
    return tree_flatten(tree, is_leaf)[0]


def tree_structure(tree: Any, is_leaf: IsLeaf = None) -> TreeSpec:
    """The structure of `tree`."""
    return tree_flatten(tree, is_leaf)[1]


def tree_is_leaf(tree: Any, is_leaf: IsLeaf = None) -> bool:
    """Whether `tree` is a leaf."""
    return (is_leaf is not None and is_leaf(tree)) or _node_of(tree) is None


def _is_leaf(tree: Any, is_leaf: IsLeaf = None) -> bool:
    warnings.warn(
        "torch.utils._pytree._is_leaf is private and will be removed in a future release. Please use "
        "torch.utils._pytree.tree_is_leaf instead.",
        FutureWarning,
        stacklevel=2,
    )
    return tree_is_leaf(tree, is_leaf)


_is_namedtuple_instance = is_namedtuple_instance


def arg_tree_leaves(*args: Any, **kwargs: Any) -> list[Any]:
    """The leaves of all arguments."""
    return tree_leaves((args, kwargs))


def treespec_leaf() -> TreeSpec:
    """The spec of a single leaf."""
    return _LEAF


def treespec_tuple(iterable: Iterable[TreeSpec] = (), /) -> TreeSpec:
    """The spec of a tuple with these children.

    Raises:
        ValueError: one of them is none.
    """
    children = list(iterable)
    if not all(isinstance(c, TreeSpec) for c in children):
        raise ValueError(f"Expected a tuple of TreeSpec values, got: {children}.")
    return TreeSpec(tuple, None, children)


def treespec_dict(mapping: Any = (), /, **kwargs: TreeSpec) -> TreeSpec:
    """The spec of a dict with these children.

    Raises:
        ValueError: one of them is none.
    """
    children = dict(mapping, **kwargs)
    if not all(isinstance(c, TreeSpec) for c in children.values()):
        raise ValueError(f"Expected a dictionary of TreeSpec values, got: {children}.")
    return TreeSpec(dict, list(children), list(children.values()))


def tree_map(func: Callable[..., Any], tree: Any, *rests: Any, is_leaf: IsLeaf = None) -> Any:
    """The tree of what `func` makes of each leaf, and of what `rests` have in its place.

    Raises:
        ValueError: a tree of `rests` has another structure.
    """
    leaves, spec = tree_flatten(tree, is_leaf)
    columns = [leaves, *(spec.flatten_up_to(r) for r in rests)]
    return spec.unflatten([func(*row) for row in zip(*columns, strict=True)])


def tree_map_(func: Callable[..., Any], tree: Any, *rests: Any, is_leaf: IsLeaf = None) -> Any:
    """Call `func` as tree_map does; the result is `tree`."""
    tree_map(func, tree, *rests, is_leaf=is_leaf)
    return tree


def _is_one_of(which: Any) -> Callable[[Any], bool]:
    if isinstance(which, type | tuple) or hasattr(which, "__args__"):
        return lambda value: isinstance(value, which)
    if not callable(which):
        raise TypeError("Argument must be a type, a tuple of types, or a callable.")
    return which


def map_only(type_or_types_or_pred: Any, /) -> Callable[[Callable], Callable]:
    """A decorator of functions: all but arguments of the types, or that the test says yes to, they give back."""
    chosen = _is_one_of(type_or_types_or_pred)
    return lambda func: lambda x: func(x) if chosen(x) else x


def tree_map_only(
    type_or_types_or_pred: Any, func: Callable, tree: Any, is_leaf: IsLeaf = None
) -> Any:
    """tree_map for the leaves of a type, or that a test says yes to; the others stay."""
    return tree_map(map_only(type_or_types_or_pred)(func), tree, is_leaf=is_leaf)


def tree_map_only_(
    type_or_types_or_pred: Any, func: Callable, tree: Any, is_leaf: IsLeaf = None
) -> Any:
    """Call `func` as tree_map_only does; the result is `tree`."""
    tree_map_only(type_or_types_or_pred, func, tree, is_leaf)
    return tree


def tree_all(pred: Callable[[Any], bool], tree: Any, is_leaf: IsLeaf = None) -> bool:
    """Whether `pred` is true of all leaves."""
    return all(map(pred, tree_leaves(tree, is_leaf)))


def tree_any(pred: Callable[[Any], bool], tree: Any, is_leaf: IsLeaf = None) -> bool:
    """Whether `pred` is true of some leaf."""
    return any(map(pred, tree_leaves(tree, is_leaf)))


def tree_all_only(which: Any, pred: Callable, tree: Any, is_leaf: IsLeaf = None) -> bool:
    """Whether `pred` is true of all leaves of a type."""
    return all(pred(x) for x in tree_leaves(tree, is_leaf) if _is_one_of(which)(x))


def tree_any_only(which: Any, pred: Callable, tree: Any, is_leaf: IsLeaf = None) -> bool:
    """Whether `pred` is true of some leaf of a type."""
    return any(pred(x) for x in tree_leaves(tree, is_leaf) if _is_one_of(which)(x))


# --- paths ----------------------------------------------------------------------------------------


def _paths(tree: Any, path: tuple, is_leaf: IsLeaf) -> Iterator[tuple[tuple, Any]]:
    node = None if is_leaf is not None and is_leaf(tree) else _node_of(tree)
    if node is None:
        yield path, tree
        return
    if node.keys_fn is None:
        raise ValueError(
            f"Did not find a flatten_with_keys_fn for type: {node.type}. Please pass a flatten_with_keys_fn argument to "
            "register_pytree_node."
        )
    for key, child in zip(node.keys_fn(tree), node.flatten_fn(tree)[0], strict=True):
        yield from _paths(child, (*path, key), is_leaf)


def tree_leaves_with_path(tree: Any, is_leaf: IsLeaf = None) -> list[tuple[tuple, Any]]:
    """Each leaf with the keys that lead to it."""
    return list(_paths(tree, (), is_leaf))


def tree_flatten_with_path(
    tree: Any, is_leaf: IsLeaf = None
) -> tuple[list[tuple[tuple, Any]], TreeSpec]:
    """Each leaf with the keys that lead to it, and the structure."""
    return tree_leaves_with_path(tree, is_leaf), tree_structure(tree, is_leaf)


def tree_map_with_path(func: Callable, tree: Any, *rests: Any, is_leaf: IsLeaf = None) -> Any:
    """As tree_map; `func` gets the path of the leaf first."""
    pairs, spec = tree_flatten_with_path(tree, is_leaf)
    columns = [[p for p, _ in pairs], [x for _, x in pairs]]
    columns += [spec.flatten_up_to(r) for r in rests]
    return spec.unflatten([func(*row) for row in zip(*columns, strict=True)])


def keystr(path: tuple) -> str:
    """A path as Python would write it."""
    return "".join(map(str, path))


def key_get(obj: Any, path: tuple) -> Any:
    """What is at the end of a path."""
    for key in path:
        obj = key.get(obj)
    return obj


# --- structures as text and as prefixes -----------------------------------------------------------


class _Asterisk(str):
    """Prints as `*`, without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "*"


def treespec_pprint(treespec: TreeSpec) -> str:
    """The tree as Python prints it, with `*` for each leaf."""
    return repr(treespec.unflatten([_Asterisk("*")] * treespec.num_leaves))


def _broadcast_to_and_flatten(tree: Any, treespec: TreeSpec, is_leaf: IsLeaf = None) -> Any:
    """The leaves of `tree`, each as often as `treespec` has leaves in its place; None if it does not fit."""
    if tree_is_leaf(tree, is_leaf):
        return [tree] * treespec.num_leaves
    node = _node_of(tree)
    if node is None or treespec.is_leaf() or node.type is not treespec.type:
        return None
    children, context = node.flatten_fn(tree)
    if len(children) != treespec.num_children or context != treespec.context:
        return None
    result: list[Any] = []
    for child, spec in zip(children, treespec.children(), strict=True):
        found = _broadcast_to_and_flatten(child, spec, is_leaf)
        if found is None:
            return None
        result += found
    return result


# How the containers come apart, each as three functions.
def _with_keys(node: NodeDef) -> Callable[[Any], tuple[list[Any], Any]]:
    def flatten(tree: Any) -> tuple[list[Any], Any]:
        children, context = node.flatten_fn(tree)
        return list(zip(node.keys_fn(tree), children, strict=True)), context  # type: ignore[misc]

    return flatten


for _node in SUPPORTED_NODES.values():
    _prefix = f"_{_node.type.__name__.lower()}"
    globals()[_prefix + "_flatten"] = _node.flatten_fn
    globals()[_prefix + "_unflatten"] = _node.unflatten_fn
    globals()[_prefix + "_flatten_with_keys"] = _with_keys(_node)

# The parts that need what is above.
from ._pytree_classes import *  # noqa: E402, F403
from ._pytree_text import *  # noqa: E402, F403
from ._pytree_text import treespec_dumps, treespec_loads  # noqa: E402


def __getattr__(name: str) -> NoReturn:
    from .._dropin import module_getattr

    module_getattr(__name__)(name)
