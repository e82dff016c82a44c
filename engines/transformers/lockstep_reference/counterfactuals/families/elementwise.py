"""Functions of the site's own values with one fitted number: scaled, shifted, capped; or a factor per index."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch

from lockstep_reference.counterfactuals.base import Counterfactual, Scene, axis_name, site_axis
from lockstep_reference.counterfactuals.facts import Fact, fact
from lockstep_reference.counterfactuals.snapshot import Finish, Snapshot

# Numbers of an axis that are told.
_TOLD = 6
_CAPS = (1.0, 2.0, 2.5, 3.0, 5.0, 6.0, 7.0, 10.0, 15.0, 20.0, 30.0, 50.0, 100.0, 127.0, 240.0, 448.0)

# By the name in ids: the function, where fitting starts, and what facts call it.
_FORMS: dict[str, tuple[Callable[[torch.Tensor, float], torch.Tensor], tuple[float, ...], str]] = {
    "scaled": (lambda x, c: x * c, (1.0,), "multiplied by"),
    "shifted": (lambda x, c: x + c, (0.0,), "plus"),
    "soft-capped": (lambda x, c: c * torch.tanh(x / c), _CAPS, "soft-capped"),
    "clipped": (lambda x, c: x.clamp(-c, c), (0.1, 0.5, *_CAPS), "clipped"),
    "clipped above": (lambda x, c: x.clamp(max=c), (0.1, 0.5, *_CAPS), "at most"),
    "clipped below": (lambda x, c: x.clamp(min=-c), (0.1, 0.5, *_CAPS), "at least minus"),
    "power": (lambda x, c: x.sign() * x.abs().pow(c), (0.5, 2.0), "power"),
    "leaky": (lambda x, c: torch.where(x > 0, x, c * x), (0.0, 0.01), "negative values multiplied by"),
    "quantised": (lambda x, c: torch.round(x / c) * c, (1 / 127, 1 / 255, 1 / 128), "multiples of"),
}


def elementwise(scene: Scene) -> Iterator[Counterfactual]:
    """The site's own tensor under a simple function."""
    if not scene.engine.is_floating_point():
        return
    for form, (function, starts, called) in _FORMS.items():
        best = min(starts, key=lambda c: scene.measure.score(function(scene.reference, c)))
        value, tolerance = _fitted(scene, function, best)
        named = scene.numbers.name(value, tolerance)
        for c in dict.fromkeys([named[0] if named else value, best]):
            number = scene.numbers.fact(c)
            yield Counterfactual(
                id=f"elementwise/{form}={c:.4g}",
                category="elementwise",
                changes=(fact("function", of="tensor", function=called, number=number),),
                finish=lambda _snapshot, x, f=function, c=c: f(x, c),
                fitted=0 if number["name"] else 1,
            )
    if _is_line(scene):
        yield Counterfactual(
            id="elementwise/affine",
            category="elementwise",
            changes=(_describe_affine(scene),),
            finish=lambda s, own: _affine(own, s.engine),
            fitted=2,
        )
    for axis in range(scene.engine.ndim):
        for kind in ("factor", "offset"):
            numbers = _numbers_per_index(scene, axis, kind)
            yield Counterfactual(
                id=f"pattern/{kind} per {axis_name(scene, axis)}",
                category="pattern",
                changes=(fact("per index", axis=site_axis(scene, axis), each=kind, numbers=numbers),),
                finish=_per_index(axis, kind),
                fitted=scene.engine.shape[axis],
                form=True,
            )


def _line(own: torch.Tensor, engine: torch.Tensor) -> tuple[float, float]:
    """Factor and offset of the straight line from the reference's values to the engine's."""
    x, y = (torch.nan_to_num(tensor.double(), posinf=0.0, neginf=0.0) for tensor in (own, engine))
    centred = x - x.mean()
    factor = float((centred * y).sum() / (centred * centred).sum().clamp(min=1e-300))
    return factor, float(y.mean()) - factor * float(x.mean())


def _is_line(scene: Scene) -> bool:
    """True when both numbers of the line say something: with one alone it is scaled or shifted."""
    count = scene.engine.numel()
    if count < 16:
        return False
    factor, offset = _line(scene.reference, scene.engine)
    uncertain = 2 * scene.measure.noise
    size = float(torch.nan_to_num(scene.reference.double(), posinf=0.0, neginf=0.0).square().mean().sqrt())
    return abs(offset) > uncertain and abs(factor - 1) * size > uncertain


def _affine(own: torch.Tensor, engine: torch.Tensor | None) -> torch.Tensor | None:
    if engine is None or engine.shape != own.shape:
        return None
    factor, offset = _line(own, engine)
    return own * factor + offset


def _describe_affine(scene: Scene) -> Fact:
    factor, offset = map(scene.numbers.fact, _line(scene.reference, scene.engine))
    return fact("line", factor=factor, offset=offset)


def _fitted(scene: Scene, function: Callable[[torch.Tensor, float], torch.Tensor], start: float) -> tuple[float, float]:
    """Gauss-Newton from `start`; the value and its relative uncertainty."""
    value, own = start, scene.reference.double()
    steepness = 0.0
    for _ in range(6):
        step = abs(value) * 1e-6 or 1e-7
        here = function(own, value)
        slope = torch.where(scene.measure.real, torch.nan_to_num((function(own, value + step) - here) / step), 0.0)
        steepness = float(slope.square().sum())
        if steepness == 0:
            return start, 1e-6
        gap = torch.where(scene.measure.real, torch.nan_to_num(scene.engine.double() - here), 0.0)
        value += float((slope * gap).sum()) / steepness
        if not math.isfinite(value):
            return start, 1e-6
        if abs(value) < 1e-12:
            return 0.0, 1e-6
    return value, min(max(6 * scene.measure.noise / math.sqrt(steepness) / abs(value), 1e-6), 0.02)


def _per_index(axis: int, kind: str) -> Finish:
    """Every index of `axis` has a fitted factor or offset; only where that is far fewer numbers than elements."""

    def finish(snapshot: Snapshot, own: torch.Tensor) -> torch.Tensor | None:
        best = _best_per_index(own, snapshot.engine, axis, kind)
        if best is None:
            return None
        return own * best if kind == "factor" else own + best

    return finish


def _best_per_index(own: torch.Tensor, engine: torch.Tensor | None, axis: int, kind: str) -> torch.Tensor | None:
    if engine is None or engine.shape != own.shape or own.numel() < 8 * own.shape[axis] or own.shape[axis] < 2:
        return None
    others = [other for other in range(own.ndim) if other != axis]
    x = torch.nan_to_num(own.double(), posinf=0.0, neginf=0.0)
    y = torch.nan_to_num(engine.double(), posinf=0.0, neginf=0.0)
    if kind == "factor":
        return (x * y).sum(others, keepdim=True) / (x * x).sum(others, keepdim=True).clamp(min=1e-30)
    return (y - x).mean(others, keepdim=True)


def _numbers_per_index(scene: Scene, axis: int, kind: str) -> list[float]:
    best = _best_per_index(scene.reference, scene.engine, axis, kind)
    return [] if best is None else best.flatten()[:_TOLD].tolist()
