"""Terms: tensors nearby that are added, left out or taken in place of the site's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations_with_replacement

import torch

from lockstep_reference.counterfactuals.base import Counterfactual, Scene
from lockstep_reference.counterfactuals.facts import TENSOR, Fact, fact
from lockstep_reference.counterfactuals.snapshot import Finish, Snapshot

# How many tensors are also combined in pairs: the latest ones.
_PAIRED = 18


def terms(scene: Scene) -> Iterator[Counterfactual]:
    """The engine's tensors in the same call, each added with a fitted factor or taken instead, alone and in pairs."""
    near = [site for site in _independent(scene) if _alike(scene.snapshot.nearby[site], scene)]
    for site in near:
        yield Counterfactual(
            id=f"term/{_short(site, scene)} in its place",
            category="residual",
            changes=(fact("term instead", tensor=scene.snapshot.named(site)),),
            finish=_instead(site),
        )
    if not scene.engine.is_floating_point():
        return
    yield Counterfactual("term/zero", "residual", (fact("zero", of=TENSOR),), finish=lambda _s, own: own * 0)
    gap = (scene.engine.double() - scene.reference.double()) * scene.measure.real
    for site in near:
        fitting = _fitting(scene.snapshot.nearby[site], scene.engine.shape)
        if fitting is None:
            continue
        tensor = fitting.double()
        power = float((tensor * scene.measure.real).square().sum())
        if power == 0:
            continue
        factor = float((gap * tensor).sum()) / power
        exact, name = scene.numbers.name(factor, 1e-4) or (factor, None)
        factor = exact
        yield Counterfactual(
            id=f"term/{factor:+.4g} x {_short(site, scene)}",
            category="residual",
            changes=(fact("term added", tensor=scene.snapshot.named(site), factor={"value": factor, "name": name}),),
            finish=_plus(site, factor),
            fitted=0 if name else 1,
        )
    operations: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
        "+": torch.add,
        "-": torch.sub,
        "x": torch.mul,
    }
    for first, second in combinations_with_replacement(near[-_PAIRED:], 2):
        for symbol, operation in operations.items():
            if symbol != "-" or not torch.equal(scene.snapshot.nearby[first], scene.snapshot.nearby[second]):
                yield Counterfactual(
                    id=f"term/{_short(first, scene)} {symbol} {_short(second, scene)}",
                    category="residual",
                    changes=(_both(scene, first, symbol, second),),
                    finish=_combined(first, second, operation),
                )


def _independent(scene: Scene) -> list[str]:
    """Tensors that the site has no part in: arguments, other layers, what came before, what modules make of that."""
    taps, sites = scene.snapshot.taps, list(scene.snapshot.taps)
    outside = [name for name in scene.snapshot.nearby if name not in taps]
    here = sites.index(scene.snapshot.site) if scene.snapshot.site in sites else len(sites)
    if scene.snapshot.site.startswith("cache."):
        return [site for site in scene.snapshot.nearby if site != scene.snapshot.site]
    before = sites[:here]
    found = [*outside, *before]
    later = [site for site in sites[here + 1 :] if _alike(taps[site], scene)]
    if later and scene.snapshot.path:
        changing = set(scene.snapshot.depends(later))
        found += [site for site in later if site not in changing]
    return found


def _alike(tensor: torch.Tensor, scene: Scene) -> bool:
    same_kind = tensor.is_floating_point() == scene.engine.is_floating_point() and tensor.dtype.is_complex is False
    return same_kind and _fitting(tensor, scene.engine.shape) is not None


def _fitting(tensor: torch.Tensor | None, shape: torch.Size) -> torch.Tensor | None:
    """`tensor` in `shape`: heads split off or merged, tokens and heads in either order; None where it does not fit."""
    if tensor is None or tensor.numel() != shape.numel():
        return None
    if tensor.shape == shape:
        return tensor
    if len(shape) == 4 and tensor.ndim == 4 and tensor.transpose(1, 2).shape == shape:
        return tensor.transpose(1, 2)
    if len(shape) == 4 and tensor.ndim == 3 and tensor.shape[:2] == (shape[0], shape[2]):
        return tensor.reshape(shape[0], shape[2], shape[1], shape[3]).transpose(1, 2)
    if {len(shape), tensor.ndim} == {3, 4} and tensor.shape[:2] == shape[:2]:
        return tensor.reshape(shape)
    return None


def _short(site: str, scene: Scene) -> str:
    return site.removeprefix(scene.snapshot.path).lstrip(".") or site


def _both(scene: Scene, first: str, symbol: str, second: str) -> Fact:
    left, right = scene.snapshot.named(first), scene.snapshot.named(second)
    return fact("terms combined", first=left, operation=symbol, second=right)


def _plus(site: str, factor: float) -> Finish:
    def finish(snapshot: Snapshot, own: torch.Tensor) -> torch.Tensor | None:
        tensor = _fitting(snapshot.nearby.get(site), own.shape)
        return None if tensor is None else own + factor * tensor.to(own.dtype)

    return finish


def _instead(site: str) -> Finish:
    def finish(snapshot: Snapshot, own: torch.Tensor) -> torch.Tensor | None:
        tensor = _fitting(snapshot.nearby.get(site), own.shape)
        return None if tensor is None else tensor.to(own.dtype).clone()

    return finish


def _combined(first: str, second: str, operation: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> Finish:
    def finish(snapshot: Snapshot, own: torch.Tensor) -> torch.Tensor | None:
        left, right = (_fitting(snapshot.nearby.get(site), own.shape) for site in (first, second))
        return None if left is None or right is None else operation(left.to(own.dtype), right.to(own.dtype))

    return finish
