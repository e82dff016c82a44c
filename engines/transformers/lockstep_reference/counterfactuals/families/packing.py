"""Packed sequences (windows, frames, images): cut elsewhere, joined, or not cut at all."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from lockstep_engine.sites import parameter_names
from lockstep_reference.counterfactuals.base import Counterfactual, Scene
from lockstep_reference.counterfactuals.facts import fact
from lockstep_reference.counterfactuals.families.arguments import replacing

_ENDS = "cu_seqlens"


def packing(scene: Scene) -> Iterator[Counterfactual]:
    """Other ends of the sequences that a call attends within."""
    args, kwargs = scene.snapshot.inputs
    ends = {**dict(zip(parameter_names(type(scene.module).forward), args, strict=False)), **kwargs}.get(_ENDS)
    if not isinstance(ends, torch.Tensor) or ends.ndim != 1 or len(ends) < 3:  # noqa: PLR2004 - one sequence
        return
    for what, to, index in (
        ("one", "all as one", [0, -1]),
        ("pairs", "every two as one", [*range(0, len(ends) - 1, 2), -1]),
        ("last two", "last two as one", [*range(len(ends) - 2), -1]),
    ):
        yield Counterfactual(
            id=f"packing/{what}",
            category="mask",
            changes=(fact("packing", to=to),),
            within=replacing(_ENDS, lambda x, i=index: x[torch.tensor(i)]),
            needs=("media",),
        )
