"""The operations of a module's call: listed with their place in the source, and changed one at a time."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch.overrides import TorchFunctionMode

from lockstep_reference.counterfactuals.facts import Fact, Source, source_line

# Up to so many operations of one line are also changed one at a time.
_ALONE = 3
# Frames between an operation and the line that asks for it.
_PLUMBING = (
    *("torch/overrides.py", "torch/nn/functional.py", "torch/_tensor.py", "torch/functional.py"),
    # One change may work inside another.
    "counterfactuals/operations.py",
)
_NOT_OPERATIONS = frozenset(  # noqa: SIM905 - a list of so many names is no easier to read
    [
        "__get__",
        "__set__",
        "size",
        "dim",
        "numel",
        "stride",
        "is_floating_point",
        "data_ptr",
        "detach",
        "clone",
        "finfo",
        "is_contiguous",
        "contiguous",
        "item",
        "get_device",
        "__len__",
        "__bool__",
        "tolist",
        "type",
    ]
)


# In place of a number: every time that the line is run.
EVERY = -1


class OperationKey(NamedTuple):
    """Names one operation of a call, also when others are changed: the nth of its name on its line, or every one."""

    file: str
    line: int
    name: str
    nth: int


@dataclass(frozen=True)
class Operation:
    """One operation that a call has made, with what it worked on."""

    key: OperationKey
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    result: Any

    @property
    def sources(self) -> tuple[Source, ...]:
        """Its line; attention is taken apart in this package, so its steps stand in no model file."""
        return (source_line(self.key.file, self.key.line),)


# Takes the function, arguments and keyword arguments of an operation, answers its result.
Change = Callable[[Callable[..., Any], tuple[Any, ...], dict[str, Any]], Any]
# A variant of an operation: its name, the category of fault, what it is as a fact, and the change.
Named = tuple[str, str, Fact, Change]


def together(operations: list[Operation]) -> list[Operation]:
    """Operations that one line makes again and again, as one; alone too where they are few.

    A port has the line wrong, so it is wrong every time.
    """
    groups: dict[tuple[str, int, str], list[Operation]] = {}
    for operation in operations:
        groups.setdefault(operation.key[:3], []).append(operation)
    listed = []
    for group in groups.values():
        if len(group) > 1:
            first = group[0]
            listed.append(Operation(first.key._replace(nth=EVERY), first.args, first.kwargs, first.result))
        if len(group) <= _ALONE:
            listed += group
    return listed


class _Watch(TorchFunctionMode):
    """Sees every operation with its key."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: Counter[tuple[str, int, str]] = Counter()

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        name = getattr(func, "__name__", "")
        if name in _NOT_OPERATIONS:
            return func(*args, **(kwargs or {}))
        frame = sys._getframe(1)
        while frame.f_back is not None and frame.f_code.co_filename.endswith(_PLUMBING):
            frame = frame.f_back
        place = (frame.f_code.co_filename, frame.f_lineno, name)
        key = OperationKey(*place, self._seen[place])
        self._seen[place] += 1
        return self.perform(key, func, args, kwargs or {})

    def perform(
        self, key: OperationKey, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Does the operation."""
        raise NotImplementedError


class Listing(_Watch):
    """Lists the operations of the calls made inside it."""

    def __init__(self) -> None:
        super().__init__()
        self.operations: list[Operation] = []

    def perform(
        self, key: OperationKey, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Does the operation and keeps it."""
        # Operations in place change what they were given.
        kept = tuple(arg.clone() if isinstance(arg, torch.Tensor) and key.name.endswith("_") else arg for arg in args)
        result = func(*args, **kwargs)
        self.operations.append(Operation(key, kept, kwargs, result))
        return result


class Changed(_Watch):
    """Puts `change` in the place of the operation `key`."""

    def __init__(self, key: OperationKey, change: Change) -> None:
        super().__init__()
        self._key = key
        self._change = change

    def perform(
        self, key: OperationKey, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Does the operation, or what stands in its place."""
        if key[:3] != self._key[:3] or self._key.nth not in (key.nth, EVERY):
            return func(*args, **kwargs)
        return self._change(func, args, kwargs)
