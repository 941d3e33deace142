"""Selective checkpoints: a policy decides operation by operation what is kept and what is computed
again. Start with `create_selective_checkpoint_contexts`.

The first context watches the operations of the first run, asks the policy about each, and keeps
what it says. The second one watches those of the run that computes again, and gives what was kept
in the place of what would be computed. How an operation is then recorded without running is told in
Note [Operations recorded again] in csrc/autograd/replay.h.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from .. import _C
from .._grad_mode import no_grad
from .._ops import OpOverload, OpOverloadPacket, by_name
from ..random import get_rng_state, set_rng_state


class CheckpointPolicy(enum.Enum):
    """What a policy of selective checkpointing decides about an operation."""

    MUST_SAVE = 0
    PREFER_SAVE = 1
    MUST_RECOMPUTE = 2
    PREFER_RECOMPUTE = 3
    MUST_CPU_OFFLOAD = 4
    PREFER_CPU_OFFLOAD = 5


# There is one place for memory; to move something there is to compute it again, as in PyTorch.
_SAVES = (CheckpointPolicy.MUST_SAVE, CheckpointPolicy.PREFER_SAVE)


class SelectiveCheckpointContext:
    """What a policy is told beside the operation and its arguments."""

    def __init__(self, *, is_recompute: bool, op_output: Any = None) -> None:
        self.is_recompute = is_recompute  # always False: a policy is asked once
        self.op_output = op_output


class _Kept:
    """An operation that is not to be computed again."""

    def __init__(self, call: Any) -> None:
        # None where there is nothing to spare (a view) or no way round (a write): it runs again.
        self.replay = call.take_replay()
        self.wrote = call.wrote
        # Operations that draw random numbers leave the generator where it would be.
        self.random_state = get_rng_state() if call.drew else None
        self.taken = False

    def modified(self) -> bool:
        return bool(self.wrote or (self.replay is not None and self.replay.modified()))


# Policies are not asked about these, which are always computed again. What PyTorch lists here,
# views of the same memory and questions, they do not hear of.
SAC_IGNORED_OPS: set[OpOverload] = set()

# What became of each operation, in the order of its calls; None: it is computed again.
_Storage = dict[OpOverload, list["_Kept | None"]]


class _Watching:
    """A context in which `operation` is told of every operation of the thread."""

    def __enter__(self) -> None:
        _C._push_operation_watcher(self.operation)

    def __exit__(self, *args: object) -> None:
        _C._pop_operation_watcher()

    def operation(self, call: Any) -> None:
        raise NotImplementedError


class _FirstRun(_Watching):
    def __init__(self, policy: Callable[..., Any], storage: _Storage) -> None:
        self._policy = policy
        self._storage = storage

    def operation(self, call: Any) -> None:
        op = by_name[call.name]
        if op in SAC_IGNORED_OPS:
            call.run()
            return
        call.run_noting()
        results = call.results
        output = results[0] if len(results) == 1 else results
        context = SelectiveCheckpointContext(
            is_recompute=False, op_output=list(results) if call.gives_list else output
        )
        with no_grad():
            decision = self._policy(context, op, *call.args, **call.kwargs)
        saves = decision if isinstance(decision, bool) else decision in _SAVES
        self._storage.setdefault(op, []).append(_Kept(call) if saves else None)


class _RunAgain(_Watching):
    def __init__(self, storage: _Storage, allow_mutation: bool) -> None:
        self._storage = storage
        self._allow_mutation = allow_mutation
        self._counts: dict[OpOverload, int] = {}

    def __enter__(self) -> None:
        self._counts = {}
        super().__enter__()

    def operation(self, call: Any) -> None:
        op = by_name[call.name]
        if op in SAC_IGNORED_OPS:
            call.run()
            return
        index = self._counts.get(op, 0)
        self._counts[op] = index + 1
        known = self._storage.get(op, [])
        if index >= len(known):
            which = f"{op} invocation index {index}" if known else str(op)
            raise RuntimeError(_NOT_FOUND.format(which))
        kept = known[index]
        if kept is None:
            call.run()
            return
        if kept.taken:
            raise RuntimeError(_EXTRA_TIME)
        if kept.modified() and not self._allow_mutation:
            raise RuntimeError(_MUTATED)
        replay, kept.replay, kept.taken = kept.replay, None, True
        if replay is None:
            call.run()
            return
        if kept.random_state is not None:
            set_rng_state(kept.random_state)
        call.play(replay)


def create_selective_checkpoint_contexts(
    policy_fn_or_list: Any, allow_cache_entry_mutation: bool = False
) -> tuple[AbstractContextManager[Any], AbstractContextManager[Any]]:
    """The two contexts of a checkpoint that keeps the results of some operations, to be given by
    its `context_fn`.

    Args:
        policy_fn_or_list: called as `policy(context, op, *args, **kwargs)` after each operation,
            `op` an OpOverload such as `torch.ops.aten.mm.default`; gives a CheckpointPolicy, or a
            bool that says whether to keep. Or a list of the operations to keep.
        allow_cache_entry_mutation: whether what was kept may be written to.

    Raises:
        ValueError: a list of other things than OpOverloads.
        TypeError: neither a list nor a function.
    """
    if isinstance(policy_fn_or_list, list):
        for op in policy_fn_or_list:
            if not isinstance(op, OpOverload):
                packet = isinstance(op, OpOverloadPacket)
                raise ValueError(
                    "Expected op in `op_list` to be an OpOverload but got: "
                    f"{op} of type {_type_text(op)}. {_FULL_NAME if packet else ''}"
                )
        kept = set(policy_fn_or_list)

        def policy(context: Any, op: OpOverload, *args: Any, **kwargs: Any) -> CheckpointPolicy:
            return CheckpointPolicy.MUST_SAVE if op in kept else CheckpointPolicy.PREFER_RECOMPUTE

    elif callable(policy_fn_or_list):
        policy = policy_fn_or_list
    else:
        raise TypeError("policy_fn_or_list must be either a function or a list of ops.")
    storage: _Storage = {}
    return _FirstRun(policy, storage), _RunAgain(storage, allow_cache_entry_mutation)


def _type_text(op: Any) -> str:
    return str(type(op)).replace("whygrad.", "torch.")


_FULL_NAME = (
    "Please update the OpOverloadPacket to a specific OpOverload.For example, if you have "
    "`torch.ops.aten.mm`, change it to `torch.ops.aten.mm.default`."
)
_NOT_FOUND = (
    "{} encountered during backward but not found in storage. This can happen "
    "if the operations in the checkpointed region are nondeterministic or depend on global state "
    "that changed between forward and backward."
)
_EXTRA_TIME = (
    "Trying to backward an extra time. You are only allowed to backward once on any region "
    "computed under selective activation checkpoint."
)
_MUTATED = "Tensor cached during selective activation checkpoint has been mutated"
