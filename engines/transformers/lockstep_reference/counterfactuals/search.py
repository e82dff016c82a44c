"""Tries counterfactuals at a site and keeps those that come near to what the engine has."""

from __future__ import annotations

import copy
import math
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations

import torch

from lockstep_reference.counterfactuals.base import Counterfactual, Scene, site_axis
from lockstep_reference.counterfactuals.both import both
from lockstep_reference.counterfactuals.catalogue import FAMILIES, Family
from lockstep_reference.counterfactuals.error import ErrorMeasure, Slab, noise_of, runs_of
from lockstep_reference.counterfactuals.families.configs import configs
from lockstep_reference.counterfactuals.families.sizes import sizes
from lockstep_reference.counterfactuals.names import Numbers
from lockstep_reference.counterfactuals.snapshot import Finish, OutOfTime, Snapshot, Within

# What is handed to the harness to be judged: well above its limit, since this first look is a rough one.
_NEAR = 12.0
_MOST = 32
# A change within this distance is near enough to be the cause. So many more are then tried, in search of others that
# are as near: counted, so that the same ones are found on every machine; for a large model, where each takes long, the
# search goes on for no more than so many seconds.
_FOUND = 1.5
_FOR_RIVALS = 300
_FOR_RIVALS_AT_MOST = 10.0
# Seconds for two changes at once.
_FOR_PAIRS = 8.0
# How many first changes a second one is searched on top of.
_BASES = 6
# How many of the best single changes are tried in pairs.
_PAIRED = 14


@dataclass(frozen=True)
class SitePhase:
    """A site in one phase as both runs have it: in the engine's dtype, and in float64."""

    plain: Snapshot
    oracle: Snapshot
    real: torch.Tensor


@dataclass(frozen=True)
class Tried:
    """A counterfactual and how far the engine is from it, in noise units."""

    counterfactual: Counterfactual
    score: float


@dataclass(frozen=True)
class Search:
    """The result of a search: how many counterfactuals were tried, and the nearest."""

    scene: Scene
    tried: int
    nearest: list[Tried]


def search(phases: list[SitePhase], numbers: Numbers, seconds: float) -> Search | None:
    """Tries every family, then pairs, for at most `seconds` of processor time: how busy the machine is changes nothing.

    The search is made in the first phase; the others only tell when something is found. None when the call can't be
    made again.
    """
    scene = make_scene(phases[0], numbers)
    if scene is None:
        return None
    scene.others = [other for phase in phases[1:] if (other := _read_scene(phase, numbers)) is not None]
    scene.snapshot.deadline = time.thread_time() + seconds
    before = scene.measure.score(scene.reference)
    tried: list[Tried] = []
    better: list[Tried] = []
    try:
        for stage in (_try_all, _in_slab, _pairs, _on_top):
            if _has_cause(better):
                break
            if stage is _pairs:
                # What one change does not explain is worth a few seconds more, not minutes.
                scene.snapshot.deadline = min(scene.snapshot.deadline, time.thread_time() + _FOR_PAIRS)
            found = stage(scene, better)
            tried += found
            better = _better([*better, *found], before)
    finally:
        scene.snapshot.deadline = math.inf
    near = [entry for entry in better if entry.score <= max(_NEAR, 0.05 * before)]
    return Search(scene, len(tried), near[:_MOST])


def _has_cause(better: list[Tried]) -> bool:
    """True when one of them comes near and is more than a description."""
    return any(entry.score <= _NEAR and not entry.counterfactual.form for entry in better)


def _try_all(scene: Scene, _better: list[Tried]) -> list[Tried]:
    """Every change alone, until the time is over."""
    tried: list[Tried] = []
    rivals_until, most = math.inf, math.inf
    # Of a tensor of another shape only what gives that shape can be the cause.
    families = FAMILIES if scene.reference.shape == scene.engine.shape else (sizes, configs)
    try:
        for family in families:
            for one in _surely(family, scene):
                if len(tried) >= most or time.thread_time() > rivals_until:
                    return tried
                score = scene.measure.score(one.value(scene.snapshot))
                tried.append(Tried(one, score))
                if score < _FOUND and _holds(scene, one):
                    # The rest of the search is for rivals.
                    most = min(most, len(tried) + _FOR_RIVALS)
                    rivals_until = min(rivals_until, time.thread_time() + _FOR_RIVALS_AT_MOST)
    except OutOfTime:
        pass
    return tried


def _holds(scene: Scene, one: Counterfactual) -> bool:
    """True when a change also comes near in every other phase where it can be made."""
    values = ((other, one.value(other.snapshot)) for other in scene.others)
    return all(value is None or other.measure.score(value) <= _NEAR for other, value in values)


def _surely(family: Family, scene: Scene) -> Iterator[Counterfactual]:
    """Yields the counterfactuals of a family, up to where it breaks on the scene: then the others go on without it."""
    try:
        yield from family(scene)
    except OutOfTime:
        raise
    except Exception:  # noqa: BLE001
        traceback.print_exc()


def _in_slab(scene: Scene, better: list[Tried]) -> list[Tried]:
    """Every change again, in the block of indices that holds the error."""
    slab = scene.measure.failing_slab(scene.reference) if scene.reference.shape == scene.engine.shape else None
    inside = None if slab is None else slab.mask(scene.engine.shape)
    if slab is None or inside is None:
        return []
    real = scene.measure.real & inside
    part = replace(scene, measure=replace(scene.measure, real=real), others=[])
    return [
        replace(entry, counterfactual=_restricted(scene, entry.counterfactual, slab))
        for entry in _try_all(part, better)
    ]


def _better(tried: list[Tried], before: float) -> list[Tried]:
    """The counterfactuals that bring the reference nearer to the engine: causes before descriptions, nearest first.

    Equals stay in the order of the families.
    """
    return sorted(
        (entry for entry in tried if entry.score < 0.9 * before),
        key=lambda entry: (entry.counterfactual.form, round(entry.score, 1)),
    )


def make_scene(phase: SitePhase, numbers: Numbers) -> Scene | None:
    """The scene of a site in one phase, with its operations; None when its call can't be made again."""
    scene = _read_scene(phase, numbers)
    if scene is not None:
        scene.list_operations()
    return scene


def _read_scene(phase: SitePhase, numbers: Numbers) -> Scene | None:
    """The scene without operations; None when the call can't be made again."""
    reference, plain = phase.oracle.value(), phase.plain.value()
    engine = phase.oracle.engine
    if (
        reference is None
        or plain is None
        or engine is None
        or engine.is_floating_point() != reference.is_floating_point()
    ):
        return None
    dtype = engine.dtype if engine.is_floating_point() else torch.float32
    real = phase.real if reference.shape == engine.shape else torch.ones_like(reference, dtype=torch.bool)
    noise = noise_of(plain, reference, dtype, real)
    return Scene(phase.oracle, reference, engine, ErrorMeasure(engine, noise, phase.real), numbers)


def _restricted(scene: Scene, counterfactual: Counterfactual, slab: Slab) -> Counterfactual:
    """Restricts a change to a block of the tensor."""

    def finish(snapshot: Snapshot, value: torch.Tensor) -> torch.Tensor | None:
        changed = value if counterfactual.finish is None else counterfactual.finish(snapshot, value)
        own, inside = snapshot.value(), slab.mask(value.shape)
        if changed is None or own is None or inside is None or changed.shape != own.shape:
            return None
        return torch.where(inside, changed, own)

    return replace(
        counterfactual,
        id=f"{counterfactual.id} [{slab}]",
        finish=finish,
        part=[
            {"axis": site_axis(scene, axis), "ranges": runs_of(indices)} for axis, (_, indices) in slab.parts.items()
        ],
    )


def _pairs(scene: Scene, better: list[Tried]) -> list[Tried]:
    """Two changes at once, among the single ones that help most."""
    found = []
    try:
        for first, second in combinations(better[:_PAIRED], 2):
            pair = both(first.counterfactual, second.counterfactual)
            score = scene.measure.score(pair.value(scene.snapshot))
            if score < 0.5 * first.score:
                found.append(Tried(pair, score))
    except OutOfTime:
        pass
    return found


def _on_top(scene: Scene, better: list[Tried]) -> list[Tried]:
    """A second change searched, and fitted, on top of each of the best first ones: numbers fitted alone are wrong."""
    if scene.reference.shape != scene.engine.shape:
        return []
    found: list[Tried] = []
    try:
        for base in _bases(scene, better):
            found += _second(scene, base)
            if found:
                break
    except OutOfTime:
        pass
    return found


def _second(scene: Scene, base: Counterfactual) -> list[Tried]:
    """The counterfactuals that come near on top of `base`, each as a pair with it."""
    snapshot = copy.copy(scene.snapshot)
    snapshot.value = _valued(scene.snapshot, base)  # type: ignore[method-assign]
    reference = snapshot.value()
    if reference is None or reference.shape != scene.engine.shape:
        return []
    changed = replace(scene, snapshot=snapshot, reference=reference, operations=[], others=[])
    changed.list_operations()
    after = scene.measure.score(reference)
    return [
        Tried(both(base, entry.counterfactual), entry.score)
        for entry in _try_all(changed, [])
        if entry.score <= _NEAR and entry.score < 0.2 * after and not entry.counterfactual.form
    ]


def _bases(scene: Scene, better: list[Tried]) -> Iterator[Counterfactual]:
    """The best changes of how the module runs, no two with the same numbers; a number also under the names near it."""
    kept: list[torch.Tensor] = []
    before = scene.measure.score(scene.reference)
    for entry in sorted((entry for entry in better if entry.score < 0.6 * before), key=lambda entry: entry.score):
        one = entry.counterfactual
        if one.finish is not None or one.within is None:
            continue
        value = one.value(scene.snapshot)
        if value is None or any(scene.measure.same(value, other) for other in kept):
            continue
        kept.append(value)
        yield one
        if len(kept) == _BASES:
            return


def _valued(snapshot: Snapshot, base: Counterfactual) -> Callable[..., torch.Tensor | None]:
    def value(within: Within | None = None, finish: Finish | None = None) -> torch.Tensor | None:
        return snapshot.value(both(base, Counterfactual("", "", (), within=within, finish=finish)).within, finish)

    return value
