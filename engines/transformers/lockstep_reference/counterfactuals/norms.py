"""Norms: what a norm gives when another kind, another place of eps or another use of the weight is taken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product

import torch
from torch import nn

from lockstep_reference.counterfactuals.base import Counterfactual, Scene
from lockstep_reference.counterfactuals.snapshot import Finish, Snapshot

# Normalises x [..., D] with a given eps; the weight follows.
Normalise = Callable[[torch.Tensor, float], torch.Tensor]


def _rms(x: torch.Tensor, eps: float) -> torch.Tensor:
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + eps)


def _layer(x: torch.Tensor, eps: float) -> torch.Tensor:
    return _rms(x - x.mean(-1, keepdim=True), eps)


_KINDS: dict[str, Normalise] = {
    "an RMS norm": _rms,
    "a layer norm (mean subtracted)": _layer,
    "an RMS norm with eps outside the root": lambda x, eps: x / (x.square().mean(-1, keepdim=True).sqrt() + eps),
    "an RMS norm with eps as a lower bound": lambda x, eps: (
        x * x.square().mean(-1, keepdim=True).clamp(min=eps).rsqrt()
    ),
    "an RMS norm with eps added to the sum of squares": lambda x, eps: (
        x / ((x.square().sum(-1, keepdim=True) + eps) / x.shape[-1]).sqrt()
    ),
    "the square of the mean in place of the mean of squares": lambda x, eps: (
        x * (x.mean(-1, keepdim=True).square() + eps).rsqrt()
    ),
    "the mean of magnitudes in place of the root mean square": lambda x, eps: (
        x / (x.abs().mean(-1, keepdim=True) + eps)
    ),
    "a division by the mean square, without the root": lambda x, eps: x / (x.square().mean(-1, keepdim=True) + eps),
    "an L2 norm": lambda x, eps: x / (x.square().sum(-1, keepdim=True) + eps).sqrt(),
    "a layer norm without the division": lambda x, eps: x - x.mean(-1, keepdim=True),
    "a layer norm with the unbiased variance": lambda x, eps: (
        (x - x.mean(-1, keepdim=True)) * (x.var(-1, keepdim=True) + eps).rsqrt()
    ),
    "an RMS norm around the mean only in its variance": lambda x, eps: (
        x * (x.var(-1, keepdim=True, correction=0) + eps).rsqrt()
    ),
    "an RMS norm over the last two axes": lambda x, eps: x * (x.square().mean((-2, -1), keepdim=True) + eps).rsqrt(),
    "an RMS norm over all but the first axis": lambda x, eps: (
        x * (x.square().mean(tuple(range(1, x.ndim)), keepdim=True) + eps).rsqrt()
    ),
    "an RMS norm over the axis before the last": lambda x, eps: x * (x.square().mean(-2, keepdim=True) + eps).rsqrt(),
    "an RMS norm of the first half": lambda x, eps: (
        x * (x[..., : x.shape[-1] // 2].square().mean(-1, keepdim=True) + eps).rsqrt()
    ),
    "an RMS norm of each half": lambda x, eps: _rms(x.unflatten(-1, (2, -1)), eps).flatten(-2),
    "a division by the largest magnitude": lambda x, eps: x / (x.abs().amax(-1, keepdim=True) + eps),
    "the norm twice": lambda x, eps: _rms(_rms(x, eps), eps),
    "no norm": lambda x, eps: x,
}
_WEIGHTINGS: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "": lambda x, w: x * w,
    " with 1 + w as its weight": lambda x, w: x * (1 + w),
    " without its weight": lambda x, _w: x,
}


def norms(scene: Scene) -> Iterator[Counterfactual]:
    """Variants of a norm module, once one of them is found to be what the reference does."""
    module, site = scene.module, scene.snapshot.site
    eps = _eps(module)
    if eps is None or ":out" not in site:
        return
    kinds = {**_KINDS, **_of_parts(scene)}
    own = next((pair for pair in _pairs(_KINDS) if _gives(_finish(_KINDS[pair[0]], pair[1], eps), scene)), None)
    if own is None:
        return
    for (kind, weighting), used in product(_pairs(kinds), (eps, 0.0)):
        if (kind, weighting) == own or (getattr(module, "weight", None) is None and weighting):
            continue
        yield Counterfactual(
            id=f"norm/{kind}{weighting}{'' if used else ' without eps'}",
            category="norm",
            sentence=f"{kind}{weighting}{'' if used else ', without eps,'} in place of {own[0]}{own[1]}",
            source=f"{type(module).__name__}.forward",
            finish=_finish(kinds[kind], weighting, used),
        )


def _of_parts(scene: Scene) -> dict[str, Normalise]:
    """The norm of each of several equal parts of the last axis: heads that are normed alone."""
    size = scene.engine.shape[-1] if scene.engine.ndim else 1
    counts = {int(v) for path, v in scene.numbers.fields.items() if "head" in path and v == int(v)}
    return {
        f"an RMS norm of each of {count} parts": lambda x, eps, n=count: _rms(x.unflatten(-1, (n, -1)), eps).flatten(-2)
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
