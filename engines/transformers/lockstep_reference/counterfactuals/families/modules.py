"""Modules: a child that is left out, answers zero, or runs twice; a norm that belongs elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from lockstep_engine.pytorch.sites import first_input
from lockstep_reference.counterfactuals.base import Counterfactual, Scene
from lockstep_reference.counterfactuals.facts import fact, source_of
from lockstep_reference.counterfactuals.families.activations import ACTIVATIONS, CONSTANTS, tanh_gelu
from lockstep_reference.counterfactuals.snapshot import Finish, Snapshot, Within
from lockstep_reference.oracle import Float64Mode

_MOST = 40


def modules(scene: Scene) -> Iterator[Counterfactual]:
    """Children of the owner left out or zero, and every norm of its size applied to the site's tensor."""
    for path in scene.snapshot.children[-_MOST:]:
        if not scene.moved_by(_answering(path, zero=True)):
            continue
        for what, output, zero in (("left out", "its input", False), ("zero", "zeros", True)):
            yield Counterfactual(
                id=f"module/{path} {what}",
                category="operation",
                changes=(fact("module left out", module=path, output=output),),
                within=_answering(path, zero=zero),
            )
    if not scene.engine.is_floating_point():
        return
    yield from _activations(scene)
    norms = [
        path
        for path, module in scene.snapshot.model.named_modules()
        if path != scene.snapshot.path and _is_norm(module, scene.engine.shape[-1])
    ]
    for path in norms[-_MOST:]:
        applied = (fact("norm applied too", module=path),)
        yield Counterfactual(f"module/{path} applied", "norm", applied, finish=_applied(path))


def _activations(scene: Scene) -> Iterator[Counterfactual]:
    """Other activations in place of a module without weights and children, however many steps its own takes."""
    module = scene.module
    if list(module.parameters()) or list(module.children()) or ":out" not in scene.snapshot.site:
        return
    own = {"module": type(module).__name__}
    sources = source_of(type(module).forward)
    for name, function in ACTIVATIONS.items():
        made = (fact("activation", expected=own, found=name),)
        yield Counterfactual(f"module/{name}", "activation", made, sources, finish=_of_input(function))
    for root, cube in CONSTANTS:
        made = (fact("activation constants", expected=own, root=root, cube=cube),)
        named = f"module/gelu_tanh {root:.7g} {cube:.7g}"
        yield Counterfactual(named, "activation", made, sources, finish=_of_input(tanh_gelu(root, cube)))


def _of_input(function: Callable[[torch.Tensor], torch.Tensor]) -> Finish:
    def finish(snapshot: Snapshot, own: torch.Tensor) -> torch.Tensor | None:
        x = next((tensor for site, tensor in snapshot.taps.items() if site.startswith(f"{snapshot.path}:in")), None)
        if x is None or x.shape != own.shape or not x.is_floating_point():
            return None
        return function(x.to(own.dtype))

    return finish


def _is_norm(module: nn.Module, size: int) -> bool:
    weight = getattr(module, "weight", None)
    return "Norm" in type(module).__name__ and isinstance(weight, torch.Tensor) and weight.shape == (size,)


def _answering(path: str, *, zero: bool) -> Within:
    @contextmanager
    def within(snapshot: Snapshot) -> Iterator[None]:
        def hook(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> Any:
            given = first_input(module, args, kwargs)
            first = output if isinstance(output, torch.Tensor) else output[0]
            if not isinstance(first, torch.Tensor) or (not zero and (given is None or given.shape != first.shape)):
                raise TypeError(f"{path} can't be left out")
            new = torch.zeros_like(first) if zero or given is None else given.clone()
            return new if isinstance(output, torch.Tensor) else (new, *output[1:])

        handle = snapshot.model.get_submodule(path).register_forward_hook(hook, with_kwargs=True)
        try:
            yield
        finally:
            handle.remove()

    return within


def _applied(path: str) -> Finish:
    def finish(snapshot: Snapshot, own: torch.Tensor) -> torch.Tensor:
        module = snapshot.model.get_submodule(path)
        if not snapshot.oracle:
            return type(module).forward(module, own)
        with Float64Mode():
            return type(module).forward(module, own)

    return finish
