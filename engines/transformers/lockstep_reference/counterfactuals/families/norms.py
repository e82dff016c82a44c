"""Norms: what a norm gives when another kind, another place of eps or another use of the weight is taken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product

import torch
from torch import nn

from lockstep_reference.counterfactuals.base import Counterfactual, Scene
from lockstep_reference.counterfactuals.facts import fact, source_of
from lockstep_reference.counterfactuals.snapshot import Finish, Snapshot

# Normalises x [..., D] with a given eps; the weight follows.
Normalise = Callable[[torch.Tensor, float], torch.Tensor]


def _rms(x: torch.Tensor, eps: float) -> torch.Tensor:
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + eps)


def _layer(x: torch.Tensor, eps: float) -> torch.Tensor:
    return _rms(x - x.mean(-1, keepdim=True), eps)


# By the name that facts have for them.
_KINDS: dict[str, Normalise] = {
    "rms": _rms,
    "layer": _layer,
    "rms with eps outside the root": lambda x, eps: x / (x.square().mean(-1, keepdim=True).sqrt() + eps),
    "rms with eps as a lower bound": lambda x, eps: x * x.square().mean(-1, keepdim=True).clamp(min=eps).rsqrt(),
    "rms with eps in the sum": lambda x, eps: x / ((x.square().sum(-1, keepdim=True) + eps) / x.shape[-1]).sqrt(),
    "square of the mean": lambda x, eps: x * (x.mean(-1, keepdim=True).square() + eps).rsqrt(),
    "mean of magnitudes": lambda x, eps: x / (x.abs().mean(-1, keepdim=True) + eps),
    "mean square without the root": lambda x, eps: x / (x.square().mean(-1, keepdim=True) + eps),
    "l2": lambda x, eps: x / (x.square().sum(-1, keepdim=True) + eps).sqrt(),
    "mean subtracted only": lambda x, eps: x - x.mean(-1, keepdim=True),
    "layer with unbiased variance": lambda x, eps: (
        (x - x.mean(-1, keepdim=True)) * (x.var(-1, keepdim=True) + eps).rsqrt()
    ),
    "rms around the mean": lambda x, eps: x * (x.var(-1, keepdim=True, correction=0) + eps).rsqrt(),
    "rms over the last two axes": lambda x, eps: x * (x.square().mean((-2, -1), keepdim=True) + eps).rsqrt(),
    "rms over all but the first": lambda x, eps: (
        x * (x.square().mean(tuple(range(1, x.ndim)), keepdim=True) + eps).rsqrt()
    ),
    "rms over the axis before the last": lambda x, eps: x * (x.square().mean(-2, keepdim=True) + eps).rsqrt(),
    "rms of the first half": lambda x, eps: (
        x * (x[..., : x.shape[-1] // 2].square().mean(-1, keepdim=True) + eps).rsqrt()
    ),
    "rms of each half": lambda x, eps: _rms(x.unflatten(-1, (2, -1)), eps).flatten(-2),
    "largest magnitude": lambda x, eps: x / (x.abs().amax(-1, keepdim=True) + eps),
    "rms twice": lambda x, eps: _rms(_rms(x, eps), eps),
    "none": lambda x, eps: x,
}
_WEIGHTINGS: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "w": lambda x, w: x * w,
    "1 + w": lambda x, w: x * (1 + w),
    "none": lambda x, _w: x,
}


def norms(scene: Scene) -> Iterator[Counterfactual]:
    """Variants of a norm module, once one of them is found to be what the reference does."""
    module, site = scene.module, scene.snapshot.site
    eps = _eps(module)
    if eps is None or ":out" not in site:
        return
    own = next((pair for pair in _pairs(_KINDS) if _gives(_finish(_KINDS[pair[0]], pair[1], eps), scene)), None)
    if own is None:
        return
    sources = source_of(type(module).forward)
    has_weight = getattr(module, "weight", None) is not None
    expected = {"norm": own[0], "weight": own[1] if has_weight else "none"}
    kinds = {(kind, None): normalise for kind, normalise in _KINDS.items()} | _of_parts(scene)
    for (kind, parts), weighting, used in product(kinds, _WEIGHTINGS, (eps, 0.0)):
        if (kind, weighting) == own or (not has_weight and weighting != "w"):
            continue
        weight = weighting if has_weight else "none"
        found = {"norm": kind, "weight": weight, "parts": parts, "eps": used > 0}
        named = f"{kind}{f' {parts}' if parts else ''}, weight {weighting}{'' if used else ', no eps'}"
        yield Counterfactual(
            id=f"norm/{named}",
            category="norm",
            changes=(fact("norm", expected=expected, found=found),),
            sources=sources,
            finish=_finish(kinds[kind, parts], weighting, used),
        )


def _of_parts(scene: Scene) -> dict[tuple[str, int | None], Normalise]:
    """The norm of each of several equal parts of the last axis: heads that are normed alone."""
    size = scene.engine.shape[-1] if scene.engine.ndim else 1
    counts = {int(v) for path, v in scene.numbers.fields.items() if "head" in path and v == int(v)}
    return {
        ("rms of parts", count): lambda x, eps, n=count: _rms(x.unflatten(-1, (n, -1)), eps).flatten(-2)
        for count in sorted(counts)
        if count > 1 and size % count == 0 and count < size
    }


def _pairs(kinds: dict[str, Normalise]) -> list[tuple[str, str]]:
    return [(kind, weighting) for kind in kinds for weighting in _WEIGHTINGS]


def _eps(module: nn.Module) -> float | None:
    for name in ("eps", "variance_epsilon", "epsilon"):
        value = getattr(module, name, None)
        if isinstance(value, float):
            return value
    return None


def _finish(normalise: Normalise, weighting: str, eps: float) -> Finish:
    def finish(snapshot: Snapshot, own: torch.Tensor) -> torch.Tensor | None:
        x = next((tensor for site, tensor in snapshot.taps.items() if site.startswith(f"{snapshot.path}:in")), None)
        if x is None or x.shape != own.shape or x.ndim < 2:
            return None
        wide = own.dtype if own.dtype == torch.float64 else torch.float32
        result = normalise(x.to(wide), eps)
        weight, bias = (getattr(snapshot.module, name, None) for name in ("weight", "bias"))
        if weight is not None:
            result = _WEIGHTINGS[weighting](result, weight.to(wide))
        if bias is not None:
            result = result + bias.to(wide)
        return result.to(own.dtype)

    return finish


def _gives(finish: Finish, scene: Scene) -> bool:
    value = finish(scene.snapshot, scene.reference)
    return value is not None and torch.allclose(value, scene.reference, rtol=1e-9, atol=1e-12)
