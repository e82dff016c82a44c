"""Changes of what enters a module: a leaf's first input clipped, capped, activated, rounded or quantised."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from lockstep_engine.pytorch.sites import first_input
from lockstep_reference.counterfactuals.base import Counterfactual, Scene
from lockstep_reference.counterfactuals.facts import INPUT, Fact, fact
from lockstep_reference.counterfactuals.families.activations import ACTIVATIONS
from lockstep_reference.counterfactuals.families.precision import LOWER, rounded
from lockstep_reference.counterfactuals.fit import fit
from lockstep_reference.counterfactuals.snapshot import Snapshot, Within

Change = Callable[[torch.Tensor], torch.Tensor]

_FITTED: dict[str, tuple[Callable[[torch.Tensor, float], torch.Tensor], str]] = {
    "clipped": (lambda x, c: x.clamp(-abs(c), abs(c)), "clipped"),
    "clipped above": (lambda x, c: x.clamp(max=c), "at most"),
    "clipped below": (lambda x, c: x.clamp(min=c), "at least"),
    "soft-capped": (lambda x, c: c * torch.tanh(x / c), "soft-capped"),
    "shifted": (lambda x, c: x + c, "plus"),
    "scaled": (lambda x, c: x * c, "multiplied by"),
    "quantised": (lambda x, c: torch.round(x / c) * c, "multiples of"),
}
# Shares of the largest magnitude from which a number is looked for.
_SHARES = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97)


def entering(scene: Scene) -> Iterator[Counterfactual]:
    """Changes of the first input of a module without children."""
    module = scene.module
    if any(True for _ in module.children()) or not scene.snapshot.site.partition("@")[0].endswith(":out"):
        return
    x = first_input(module, *scene.snapshot.inputs)
    if x is None or not x.is_floating_point() or x.numel() == 0:
        return
    for name, category, made, change in _named():
        yield Counterfactual(f"input/{name}", category, (made,), within=on_input(change))
    if not scene.fitting:
        return
    largest = float(torch.nan_to_num(x.double()).abs().max())
    for form, (function, called) in _FITTED.items():
        value, tolerance = _best(scene, function, form, largest)
        if value is None:
            continue
        named = scene.numbers.name(value, tolerance)
        number, name = named or (value, None)
        said = {"value": number, "name": name}
        yield Counterfactual(
            id=f"input/{form}={number:.4g}",
            category="elementwise",
            changes=(fact("function", of="input", function=called, number=said),),
            within=on_input(lambda tensor, f=function, c=number: f(tensor, c)),
            fitted=0 if name else 1,
        )


def _named() -> Iterator[tuple[str, str, Fact, Change]]:
    """Name for ids, category, fact, change."""
    for dtype, lower in LOWER.items():
        made = fact("rounded", of=INPUT, to=dtype)
        yield f"rounded to {dtype}", "precision", made, lambda x, f=lower: rounded(f, x)
    for scale in ("token", "tensor"):
        made = fact("quantised", of=INPUT, scale=scale)
        per_token = scale == "token"
        yield f"int8 per {scale}", "precision", made, lambda x, p=per_token: _quantised(x, per_token=p)
    for name, function in ACTIVATIONS.items():
        if name != "none":
            yield f"through {name}", "activation", fact("input activated", activation=name), function


def _quantised(x: torch.Tensor, *, per_token: bool) -> torch.Tensor:
    """Whole multiples of 1/127 of the largest magnitude of a token, or of all."""
    size = x.abs()
    scale = (size.amax(-1, keepdim=True) if per_token else size.max()).clamp(min=1e-12) / 127
    return torch.round(x / scale).clamp(-127, 127) * scale


def _best(
    scene: Scene, function: Callable[[torch.Tensor, float], torch.Tensor], form: str, largest: float
) -> tuple[float | None, float]:
    """The number that brings the site closest to the engine, and its relative uncertainty; None without influence."""

    def change(c: float) -> Within:
        return on_input(lambda x: function(x, c))

    starts = {
        "shifted": [0.0],
        "scaled": [1.0],
        "quantised": [largest / 127, 1 / 127, 1 / 255, *(1 / 2**k for k in range(2, 9)), 0.1, 0.05, 0.02, 0.01],
        "clipped above": [sign * share * largest for sign in (1, -1) for share in _SHARES],
        "clipped below": [sign * share * largest for sign in (-1, 1) for share in _SHARES],
    }.get(form, [share * largest for share in _SHARES])
    best = min(starts, key=lambda c: scene.measure.score(scene.snapshot.value(change(c))))
    return fit(scene, change, best) or (None, 0.0)


def on_input(change: Change) -> Within:
    """Changes the first input of the module that owns the site."""

    @contextmanager
    def within(snapshot: Snapshot) -> Iterator[None]:
        def hook(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
            own = first_input(module, args, kwargs)
            if own is None:
                raise TypeError("the call has no input to change")
            new = change(own)
            args = tuple(new if value is own else value for value in args)
            return args, {name: new if value is own else value for name, value in kwargs.items()}

        handle = snapshot.module.register_forward_pre_hook(hook, with_kwargs=True)
        try:
            yield
        finally:
            handle.remove()

    return within
