"""Layout: the site's own numbers in another order, found by matching the engine's slices with the reference's."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from lockstep_reference.counterfactuals.base import Counterfactual, Scene, axis_name, site_axis
from lockstep_reference.counterfactuals.facts import TENSOR, Fact, fact
from lockstep_reference.counterfactuals.snapshot import Finish, Snapshot

_LARGEST_AXIS = 2048
# Places that are told.
_TOLD = 6


def indices(scene: Scene) -> Iterator[Counterfactual]:
    """Slices taken from other indices, axes swapped, axes split and merged in another order."""
    shape = scene.engine.shape
    for axis in range(len(shape)):
        if not 1 < shape[axis] <= _LARGEST_AXIS:
            continue
        made, moved = _describe(scene, axis)
        yield Counterfactual(
            id=f"layout/{axis_name(scene, axis)}s from elsewhere",
            category="layout",
            changes=(made,),
            finish=_matched(axis),
            fitted=moved,
        )
        for count in _factors(shape[axis]):
            yield Counterfactual(
                id=f"layout/axis {axis} interleaved by {count}",
                category="layout",
                changes=(fact("interleaved", of=TENSOR, axis=site_axis(scene, axis), blocks=count),),
                finish=_interleaved(axis, count),
            )
    for first in range(len(shape)):
        for second in range(first + 1, len(shape)):
            if shape[first] > 1 and shape[second] > 1:
                axes = [site_axis(scene, first), site_axis(scene, second)]
                yield Counterfactual(
                    id=f"layout/axes {first} and {second} swapped in memory",
                    category="layout",
                    changes=(fact("axes exchanged", of=TENSOR, axes=axes, when="written"),),
                    finish=_swapped(first, second),
                )
                yield Counterfactual(
                    id=f"layout/axes {first} and {second} swapped when read",
                    category="layout",
                    changes=(fact("axes exchanged", of=TENSOR, axes=axes, when="read"),),
                    finish=_misread(first, second),
                )


def _factors(size: int) -> list[int]:
    return [count for count in range(2, min(size, 129)) if size % count == 0 and count < size]


def _interleaved(axis: int, count: int) -> Finish:
    def finish(_snapshot: Snapshot, own: torch.Tensor) -> torch.Tensor | None:
        if own.ndim <= axis or own.shape[axis] % count:
            return None
        return own.unflatten(axis, (count, -1)).transpose(axis, axis + 1).flatten(axis, axis + 1)

    return finish


def _swapped(first: int, second: int) -> Finish:
    return lambda _snapshot, own: own.transpose(first, second).reshape(own.shape)


def _misread(first: int, second: int) -> Finish:
    def finish(_snapshot: Snapshot, own: torch.Tensor) -> torch.Tensor:
        shape = list(own.shape)
        shape[first], shape[second] = shape[second], shape[first]
        return own.reshape(shape).transpose(first, second)

    return finish


def _matched(axis: int) -> Finish:
    def finish(snapshot: Snapshot, own: torch.Tensor) -> torch.Tensor | None:
        sources = _sources(own, snapshot.engine, axis)
        return None if sources is None else own.index_select(axis, sources)

    return finish


def _sources(own: torch.Tensor, engine: torch.Tensor | None, axis: int) -> torch.Tensor | None:
    """For each index of `axis` the one whose slice of `own` is nearest to the engine's; None where slices are short."""
    if engine is None or engine.shape != own.shape or own.numel() // own.shape[axis] < 4:
        return None
    theirs, ours = (
        torch.nan_to_num(tensor.double(), posinf=0.0, neginf=0.0).movedim(axis, 0).flatten(1)
        for tensor in (engine, own)
    )
    distances = (ours.square().sum(1)[None] - 2 * theirs @ ours.T) + theirs.square().sum(1)[:, None]
    nearest = distances.argmin(1)
    # An index keeps its place unless another one is clearly nearer.
    stays = distances.diagonal() <= distances.gather(1, nearest[:, None])[:, 0] * 4 + 1e-12
    return torch.where(stays, torch.arange(len(nearest)), nearest)


def _describe(scene: Scene, axis: int) -> tuple[Fact, int]:
    """The order of the engine's indices as a fact, and how many of them were found by matching."""
    sources, along = _sources(scene.reference, scene.engine, axis), site_axis(scene, axis)
    if sources is None:
        return fact("from elsewhere", of=TENSOR, axis=along, places=[], moved=along["size"]), along["size"]
    order, size = sources.tolist(), along["size"]
    moved = [[place, source] for place, source in enumerate(order) if place != source]
    shifts = {(source - place) % size for place, source in enumerate(order)}
    if order == list(range(size))[::-1]:
        made = fact("reversed", of=TENSOR, axis=along)
    elif len(shifts) == 1:
        # An index that comes from a later one: the values are so many places earlier.
        shift = shifts.pop()
        by = -shift if shift <= size // 2 else size - shift
        made = fact("shifted", of=TENSOR, axis=along, by=by, zeros=False)
    elif len(set(order)) == 1:
        made = fact("one index for all", of=TENSOR, axis=along, index=order[0])
    else:
        made = fact("from elsewhere", of=TENSOR, axis=along, places=moved[:_TOLD], moved=len(moved))
    return made, max(len(moved), 1)
