"""Tells two explanations apart that agree on the recorded data, by an input of another size."""

from __future__ import annotations

import copy
from typing import Any

import torch

from lockstep_engine.pytorch.sites import first_input
from lockstep_reference.counterfactuals.base import Counterfactual
from lockstep_reference.counterfactuals.snapshot import Snapshot

_FACTORS = (1 / 30, 30.0, 1 / 1000, 1000.0)
# Relative difference that any engine would show.
_CLEAR = 1e-3


def told_apart(snapshot: Snapshot, first: Counterfactual, rival: Counterfactual) -> float | None:
    """The smallest factor on the call's input under which the two differ clearly; None when none was found."""
    if not snapshot.path:
        return None
    for factor in _FACTORS:
        scaled = _scaled(snapshot, factor)
        one, other = first.value(scaled), rival.value(scaled)
        if one is None or other is None or one.shape != other.shape or not one.is_floating_point():
            continue
        size = torch.nan_to_num(one.double()).square().mean().sqrt()
        error = torch.nan_to_num(one.double() - other.double()).square().mean().sqrt()
        if size > 0 and float(error / size) > _CLEAR:
            return factor
    return None


def _scaled(snapshot: Snapshot, factor: float) -> Snapshot:
    """The call with its input multiplied by `factor`."""
    args, kwargs = snapshot.inputs
    given = first_input(snapshot.module, args, kwargs)

    def change(value: Any) -> Any:
        return value * factor if value is given and value.is_floating_point() else value

    scaled = copy.copy(snapshot)
    scaled.replace_inputs(tuple(map(change, args)), {name: change(value) for name, value in kwargs.items()})
    scaled.taps = {
        site: tap * factor if site.startswith(f"{snapshot.path}:in") and tap.is_floating_point() else tap
        for site, tap in snapshot.taps.items()
    }
    return scaled
