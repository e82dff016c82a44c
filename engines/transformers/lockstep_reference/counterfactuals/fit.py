"""Fits one number of a change to what the engine has."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from lockstep_reference.counterfactuals.base import Scene
from lockstep_reference.counterfactuals.snapshot import Within

_STEPS = 5


def fit(scene: Scene, change: Callable[[float], Within], start: float) -> tuple[float, float] | None:
    """The number that brings the site closest to the engine, and its relative uncertainty.

    Gauss-Newton steps from `start`; None when the number has no influence or the change can't be made.
    """
    value, real = start, scene.measure.real
    for _ in range(_STEPS):
        here = scene.snapshot.value(change(value))
        step = abs(value) * 1e-5 or 1e-7
        there = scene.snapshot.value(change(value + step))
        if here is None or there is None or here.shape != scene.engine.shape:
            return None
        slope = torch.where(real, torch.nan_to_num((there.double() - here.double()) / step), 0.0)
        gap = torch.where(real, torch.nan_to_num(scene.engine.double() - here.double()), 0.0)
        steepness = float(slope.square().sum())
        if steepness == 0:
            return None
        change_of_value = float((slope * gap).sum()) / steepness
        value += change_of_value
        if not math.isfinite(value):
            return None
        tolerance = 6 * scene.measure.noise / math.sqrt(steepness)
        if abs(value) <= tolerance:
            return 0.0, 1e-6
        if abs(change_of_value) <= tolerance / 4:
            return value, min(max(tolerance / max(abs(value), 1e-30), 1e-6), 0.5)
    return value, 1e-3
