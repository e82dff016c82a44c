"""Sizes: where the engine's tensor has another shape than the reference's, what would give that shape."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch

from lockstep_reference.counterfactuals.base import Counterfactual, Scene, axis_name, changing, site_axis
from lockstep_reference.counterfactuals.facts import Fact, fact
from lockstep_reference.counterfactuals.operations import Change
from lockstep_reference.counterfactuals.snapshot import Finish


def sizes(scene: Scene) -> Iterator[Counterfactual]:
    """Along the one axis that differs: cut, padded, repeated; and slices of the call that are longer or shorter."""
    own, found = scene.reference.shape, scene.engine.shape
    axes = [axis for axis in range(len(found)) if len(own) == len(found) and own[axis] != found[axis]]
    if len(axes) != 1:
        return
    axis, size, wanted = axes[0], own[axes[0]], found[axes[0]]
    name = axis_name(scene, axis)
    along = site_axis(scene, axis)
    for what, how, change in _resized(size, wanted):
        yield Counterfactual(
            id=f"size/{name}s {what}",
            category="sizes",
            changes=(fact("resized", axis=along, how=how, expected=size, found=wanted),),
            finish=_along(axis, change),
        )
    for operation in scene.operations:
        made = operation.result
        if operation.key.name != "__getitem__" or not isinstance(made, torch.Tensor) or made.ndim != len(own):
            continue
        given = operation.args[0]
        for start in (given.shape[axis] - made.shape[axis] - (wanted - size), 0):
            length = made.shape[axis] + wanted - size
            if start >= 0 and start + length <= given.shape[axis]:
                yield Counterfactual(
                    id=f"size/slice from {start}",
                    category="sizes",
                    changes=(_other_length(along, "end" if start else "start", made.shape[axis], length),),
                    sources=operation.sources,
                    within=changing(operation.key, _slice(axis, start - given.shape[axis] if start else 0, length)),
                )


def _other_length(axis: Fact, start: str, expected: int, found: int) -> Fact:
    return {"kind": "slice length", "axis": axis, "from": start, "expected": expected, "found": found}


Resize = Callable[[torch.Tensor, int], torch.Tensor]


def _resized(size: int, wanted: int) -> Iterator[tuple[str, str, Resize]]:
    gap = abs(wanted - size)
    if wanted < size:
        yield "cut at the end", "end cut", lambda x, axis: x.narrow(axis, 0, x.shape[axis] - gap)
        yield "cut at the start", "start cut", lambda x, axis: x.narrow(axis, gap, x.shape[axis] - gap)
        return
    yield "zeros behind", "zeros behind", lambda x, axis: torch.cat([x, _zeros(x, axis, gap)], axis)
    yield "zeros in front", "zeros in front", lambda x, axis: torch.cat([_zeros(x, axis, gap), x], axis)
    yield (
        "first again",
        "first again",
        lambda x, axis: torch.cat([x, x.narrow(axis, 0, gap)], axis),
    )
    if wanted % size == 0:
        count = wanted // size
        yield "repeated", "each repeated", lambda x, axis: x.repeat_interleave(count, axis)
        yield "tiled", "tiled", lambda x, axis: torch.cat([x] * count, axis)


def _zeros(x: torch.Tensor, axis: int, count: int) -> torch.Tensor:
    shape = list(x.shape)
    shape[axis] = count
    return x.new_zeros(shape)


def _along(axis: int, change: Resize) -> Finish:
    return lambda _snapshot, own: change(own, axis)


def _slice(axis: int, start: int, length: int) -> Change:
    def changed(_func: Callable[..., torch.Tensor], args: tuple[torch.Tensor, ...], _kwargs: object) -> torch.Tensor:
        size = args[0].shape[axis]
        return args[0].narrow(axis, size + start if start < 0 else 0, length)

    return changed
