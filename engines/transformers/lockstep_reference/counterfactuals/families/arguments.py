"""Arguments: what a module was called with, beside its first input: shifted, reversed, cut, or zero."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from lockstep_engine.pytorch.sites import first_input
from lockstep_engine.sites import parameter_names
from lockstep_reference.counterfactuals.base import Counterfactual, Scene
from lockstep_reference.counterfactuals.facts import fact
from lockstep_reference.counterfactuals.families.moves import variants
from lockstep_reference.counterfactuals.snapshot import Snapshot, Within

_LARGEST = 1_000_000


def arguments(scene: Scene) -> Iterator[Counterfactual]:
    """Every tensor argument of the owner's call but its first input and its position ids."""
    args, kwargs = scene.snapshot.inputs
    names = parameter_names(type(scene.module).forward)
    named = {**dict(zip(names, args, strict=False)), **kwargs}
    first = first_input(scene.module, args, kwargs)
    for name, value in named.items():
        if not isinstance(value, torch.Tensor) or value is first or value.numel() > _LARGEST or "position" in name:
            continue
        if not scene.moved_by(replacing(name, lambda x: x * 0)):
            continue
        for what, made, change in variants(value, fact("argument", argument=name)):
            yield Counterfactual(f"argument/{name} {what}", "layout", (made,), within=replacing(name, change))


def replacing(name: str, change: Callable[[torch.Tensor], torch.Tensor]) -> Within:
    """The argument `name` of the owner's call becomes `change` of it."""

    @contextmanager
    def within(snapshot: Snapshot) -> Iterator[None]:
        def hook(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
            names = parameter_names(type(module).forward)
            new = [change(v) if n == name else v for n, v in zip(names, args, strict=False)] + list(args[len(names) :])
            return tuple(new), {n: change(v) if n == name else v for n, v in kwargs.items()}

        handle = snapshot.module.register_forward_pre_hook(hook, with_kwargs=True)
        try:
            yield
        finally:
            handle.remove()

    return within
