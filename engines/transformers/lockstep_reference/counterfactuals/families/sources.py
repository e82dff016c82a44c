"""Sources: another tensor of the surroundings that the module may have read in place of its input."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lockstep_reference.counterfactuals.base import Counterfactual, Scene
from lockstep_reference.counterfactuals.facts import fact
from lockstep_reference.counterfactuals.families.entering import on_input
from lockstep_reference.counterfactuals.snapshot import Snapshot, Within


def sources(scene: Scene) -> Iterator[Counterfactual]:
    """Each of the engine's tensors just before the call, the nearest first, as the input of a module without children.

    The states before a norm for those behind it, the output of the layer before, a residual: what a port reads that
    hands over the wrong one, or whose tap shows another than it uses.
    """
    module, site = scene.module, scene.snapshot.site
    if any(True for _ in module.children()) or not site.partition("@")[0].endswith(":out"):
        return
    for name in scene.snapshot.around:
        yield Counterfactual(
            id=f"reads {name}",
            category="residual",
            changes=(fact("input instead", tensor=fact("site", site=name)),),
            within=_reading(name),
        )


def _reading(name: str) -> Within:
    def within(snapshot: Snapshot) -> Any:
        tensor = snapshot.around[name]
        return on_input(lambda own: tensor.to(own.dtype, copy=True))(snapshot)

    return within
