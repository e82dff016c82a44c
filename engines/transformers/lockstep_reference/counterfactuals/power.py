"""Power: which changes of the reference a case could tell from it. The reference stands for the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch

from lockstep_reference.counterfactuals.base import Counterfactual, Scene
from lockstep_reference.counterfactuals.families.changes import changes
from lockstep_reference.counterfactuals.families.frequencies import frequencies
from lockstep_reference.counterfactuals.families.grids import grids, sections
from lockstep_reference.counterfactuals.families.masks import masks
from lockstep_reference.counterfactuals.families.modules import modules
from lockstep_reference.counterfactuals.families.norms import norms
from lockstep_reference.counterfactuals.families.packing import packing
from lockstep_reference.counterfactuals.families.positions import positions
from lockstep_reference.counterfactuals.families.rope import rope
from lockstep_reference.counterfactuals.families.rope_tables import rope_tables
from lockstep_reference.counterfactuals.families.scalars import scalars
from lockstep_reference.counterfactuals.families.weights import weights
from lockstep_reference.counterfactuals.names import Numbers
from lockstep_reference.counterfactuals.search import SitePhase, make_scene

# The families whose changes can be named before an engine is seen.
_FAMILIES: tuple[Callable[[Scene], Iterator[Counterfactual]], ...] = (
    *(masks, packing, grids, positions, sections, norms, rope, rope_tables, frequencies, changes, scalars, weights),
    modules,
)


# Changes whose effect depends on which tokens there are. Of the others, those without any write the same differently.
_OF_INPUTS = ("mask", "positions")


@dataclass(frozen=True)
class Seen:
    """A change, and how far from the reference it is in the phase that shows it best, in noise units."""

    counterfactual: Counterfactual
    ratio: float
    phase: str


def _same_function(one: torch.Tensor, other: torch.Tensor) -> bool:
    """A choice of columns is the same function when it is the same choice: of scores, the order alone decides."""
    if one.shape != other.shape or one.dtype == torch.bool:
        return False
    return torch.allclose(one, other, rtol=1e-9, atol=1e-12, equal_nan=True)


def power(phases: list[SitePhase], numbers: Callable[[SitePhase], Numbers], limit: float) -> list[Seen]:
    """Every likely change at a site with the first phase in which it exceeds `limit`, or its largest ratio."""
    best: dict[str, Seen] = {}
    for phase in phases:
        scene = make_scene(phase, numbers(phase))
        if scene is None:
            continue
        scene = replace(scene, fitting=False)
        for family in _FAMILIES:
            for one in family(scene):
                known = best.get(one.id)
                if known is not None and known.ratio > limit:
                    continue
                value = one.value(scene.snapshot)
                if value is None:
                    continue
                # A change of shape is seen, whatever the numbers.
                ratio = 1e30 if value.shape != scene.engine.shape else min(scene.measure.score(value), 1e30)
                if not scene.engine.is_floating_point():
                    ratio = 1e30 if ratio > 0 else 0.0
                if one.category not in _OF_INPUTS and _same_function(value, scene.reference):
                    continue
                if known is None or ratio > known.ratio:
                    best[one.id] = Seen(one, ratio, phase.oracle.phase)
    return list(best.values())
