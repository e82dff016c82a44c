"""Operations that only rearrange: parts joined, split, merged or cut in another order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch

from lockstep_reference.counterfactuals.facts import Fact, fact
from lockstep_reference.counterfactuals.operations import Change, Named, Operation


def joined(name: str, operation: Operation) -> Iterator[Named]:
    """Parts in reverse order, interleaved, or one negated."""
    count = len(operation.args[0])

    def part_changed(part: int, to: str) -> Fact:
        return fact("part changed", operation=name, part=part + 1, parts=count, to=to)

    yield (
        "reversed",
        "layout",
        fact("parts reordered", operation=name, to="reversed"),
        lambda func, args, kwargs: func(list(args[0])[::-1], *args[1:], **kwargs),
    )

    def interleaved(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.Tensor:
        return torch.stack(list(args[0]), -1).flatten(-2)

    if len({part.shape for part in operation.args[0]}) == 1:
        yield "interleaved", "layout", fact("parts reordered", operation=name, to="interleaved"), interleaved
    for part in range(count):
        yield f"{part} lowest", "attention", part_changed(part, "minus infinity"), _with_part(part, -torch.inf)
        yield f"{part} zero", "layout", part_changed(part, "zeros"), _with_part(part, 0.0)
    yield (
        "first negated",
        "layout",
        part_changed(0, "-x"),
        lambda func, args, kwargs: func([-args[0][0], *args[0][1:]], *args[1:], **kwargs),
    )


def _with_part(part: int, value: float) -> Change:
    def changed(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.Tensor:
        parts = list(args[0])
        parts[part] = torch.full_like(parts[part], value)
        return func(parts, *args[1:], **kwargs)

    return changed


def reshaped(name: str, operation: Operation) -> Iterator[Named]:
    """Axes split or merged with the other one outermost."""
    given, made = operation.args[0], operation.result
    if not isinstance(made, torch.Tensor):
        return
    for axis in range(1, made.ndim - 1):
        if made.shape[axis] > 1 and made.shape[axis + 1] > 1 and made.ndim > given.ndim:

            def split(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], axis: int = axis) -> Any:
                shape = list(func(*args, **kwargs).shape)
                shape[axis], shape[axis + 1] = shape[axis + 1], shape[axis]
                return args[0].reshape(shape).transpose(axis, axis + 1)

            yield f"split {axis}", "layout", _outermost(name, "split", made.shape[axis : axis + 2]), split
    for axis in range(1, given.ndim - 1):
        if given.shape[axis] > 1 and given.shape[axis + 1] > 1 and made.ndim < given.ndim:

            def merged(
                func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], axis: int = axis
            ) -> Any:
                return args[0].transpose(axis, axis + 1).reshape(func(*args, **kwargs).shape)

            yield f"merge {axis}", "layout", _outermost(name, "merge", given.shape[axis : axis + 2]), merged


def _outermost(name: str, step: str, sizes: torch.Size) -> Fact:
    return fact("other axis outermost", operation=name, step=step, sizes=list(sizes))


def sliced(operation: Operation) -> Iterator[Named]:
    """Another part of the same length."""
    given, made = operation.args[0], operation.result
    if not (isinstance(given, torch.Tensor) and isinstance(made, torch.Tensor)) or given.ndim != made.ndim:
        return
    axes = [axis for axis in range(given.ndim) if given.shape[axis] != made.shape[axis]]
    if len(axes) != 1:
        return
    axis, length, size = axes[0], made.shape[axes[0]], given.shape[axes[0]]

    def part(start: int, step: int = 1) -> Change:
        index = [(start + step * place) % size for place in range(length)]
        return lambda func, args, kwargs: args[0].index_select(axis, torch.tensor(index))

    yield "start", "layout", _other_slice("start"), part(0)
    yield "end", "layout", _other_slice("end"), part(size - length)
    if size == 2 * length:
        yield "even", "layout", _other_slice("even indices"), part(0, 2)
        yield "odd", "layout", _other_slice("odd indices"), part(1, 2)


def _other_slice(start: str) -> Fact:
    return {"kind": "other slice", "from": start}
