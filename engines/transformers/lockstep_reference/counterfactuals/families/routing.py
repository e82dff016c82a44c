"""Routing: how a router turns logits into chosen experts and weights, made again in other ways from its own ports.

A router has the ports logits [T, E], weights [T, k] and chosen experts [T, k] (whatever their order); which of them the
site is decides what is tried.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product

import torch

from lockstep_reference.counterfactuals.base import Counterfactual, Scene
from lockstep_reference.counterfactuals.facts import fact
from lockstep_reference.counterfactuals.snapshot import Finish, Snapshot

_SCORES: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "softmax": lambda x: x.softmax(-1),
    "sigmoid": torch.sigmoid,
    "logits": lambda x: x,
    "relu": torch.relu,
    "exp": torch.exp,
}
# The softmax over the logits of the chosen experts alone.
_OF_CHOSEN = "softmax over the chosen"


def routing(scene: Scene) -> Iterator[Counterfactual]:
    """Other weights for the chosen experts, or another choice."""
    logits, chosen = _ports(scene.snapshot, scene.engine)
    if logits is None:
        return
    if scene.engine.is_floating_point() and chosen is not None and scene.engine.shape == chosen.shape:
        yield from _weights(scene)
    elif not scene.engine.is_floating_point():
        yield from _choices(scene)


def _ports(snapshot: Snapshot, engine: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor | None]:
    """The engine's logits and chosen experts of this call: taps of the same module whose rows are the site's."""
    taps = [t for site, t in snapshot.taps.items() if site.startswith(f"{snapshot.path}:out") and t.ndim == engine.ndim]
    rows = [t for t in taps if t.shape[:-1] == engine.shape[:-1]]
    floats = [t for t in rows if t.is_floating_point() and t.shape[-1] > engine.shape[-1]]
    ints = [t for t in rows if not t.is_floating_point()]
    return next(iter(floats), None), next(iter(ints), None)


def _bias(snapshot: Snapshot, experts: int) -> torch.Tensor | None:
    tensors = (*snapshot.module.named_buffers(), *snapshot.module.named_parameters())
    return next((t for name, t in tensors if "bias" in name and t.shape == (experts,)), None)


def _weights(scene: Scene) -> Iterator[Counterfactual]:
    scales = {value for path, value in scene.numbers.fields.items() if "scaling" in path} - {1.0}
    kinds = [*_SCORES, _OF_CHOSEN]
    for kind, normed, scale, biased in product(kinds, (False, True), (1.0, *sorted(scales)), (False, True)):
        yield Counterfactual(
            id=f"routing/weights {kind}{' to 1' if normed else ''} x {scale:g}{' biased' if biased else ''}",
            category="routing",
            changes=(
                fact(
                    "expert weights",
                    score=kind,
                    normalised=normed,
                    factor=None if scale == 1 else scene.numbers.origin(scale),
                    biased=biased,
                ),
            ),
            finish=_weighting(kind, scale, normed, biased),
        )


def _weighting(kind: str, scale: float, normed: bool, biased: bool) -> Finish:  # noqa: FBT001
    def finish(snapshot: Snapshot, own: torch.Tensor) -> torch.Tensor | None:
        logits, chosen = _ports(snapshot, own)
        if logits is None or chosen is None:
            return None
        wide = logits.to(torch.float64 if own.dtype == torch.float64 else torch.float32)
        bias = _bias(snapshot, wide.shape[-1])
        if biased and bias is None:
            return None
        shift = bias.to(wide.dtype) if biased and bias is not None else None
        if kind == _OF_CHOSEN:
            weights = (wide if shift is None else wide + shift).gather(-1, chosen).softmax(-1)
        else:
            scores = _SCORES[kind](wide)
            weights = (scores if shift is None else scores + shift).gather(-1, chosen)
        if normed:
            weights = weights / weights.sum(-1, keepdim=True)
        return (weights * scale).to(own.dtype)

    return finish


def _choices(scene: Scene) -> Iterator[Counterfactual]:
    sizes = sorted({int(v) for p, v in scene.numbers.fields.items() if "expert" in p and v == int(v) and v > 1})
    for step in (1, -1):
        for count in sizes:
            made = (fact("experts renumbered", by=step, count=count),)
            yield Counterfactual(
                f"routing/numbers {step:+d} of {count}", "routing", made, finish=_renumbered(step, count)
            )
    for kind, biased, reverse in product(_SCORES, (False, True), (False, True)):
        which = "lowest" if reverse else "highest"
        yield Counterfactual(
            id=f"routing/{which} {kind}{' biased' if biased else ''}",
            category="routing",
            changes=(fact("expert choice", score=kind, which=which, biased=biased),),
            finish=_choosing(kind, biased, reverse),
        )


def _renumbered(step: int, count: int) -> Finish:
    return lambda _snapshot, own: (own + step) % count


def _choosing(kind: str, biased: bool, reverse: bool) -> Finish:  # noqa: FBT001
    def finish(snapshot: Snapshot, own: torch.Tensor) -> torch.Tensor | None:
        logits, _ = _ports(snapshot, own)
        if logits is None:
            return None
        scores = _SCORES[kind](logits.double())
        bias = _bias(snapshot, scores.shape[-1])
        if biased:
            if bias is None:
                return None
            scores = scores + bias.double()
        return scores.topk(own.shape[-1], -1, largest=not reverse).indices

    return finish
