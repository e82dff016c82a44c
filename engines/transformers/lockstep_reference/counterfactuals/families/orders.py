"""Rows of what an operation moves in another order, found by matching them with the rows that the engine has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch

from lockstep_reference.counterfactuals.base import Counterfactual, Scene, changing
from lockstep_reference.counterfactuals.facts import fact
from lockstep_reference.counterfactuals.families.moves import operand
from lockstep_reference.counterfactuals.operations import Change

_MOVERS = ("masked_scatter", "masked_scatter_", "index_select", "cat", "index_put", "index_put_", "scatter", "getitem")
_FEWEST, _MOST = 3, 4096
# Rows of an order that are told.
_TOLD = 12


def orders(scene: Scene) -> Iterator[Counterfactual]:
    """Each floating operand whose rows all turn up in the engine's tensor, in another order than in the reference's."""
    if not scene.fitting or not scene.engine.is_floating_point() or scene.engine.shape != scene.reference.shape:
        return
    for operation in scene.operations:
        if operation.key.name not in _MOVERS:
            continue
        for place, given in enumerate(operation.args):
            order = _order(scene, given) if isinstance(given, torch.Tensor) else None
            if order is None:
                continue
            of = operand(operation.key.name.strip("_"), place)
            told = order.tolist()[:_TOLD]
            yield Counterfactual(
                id=f"move/{operation.key.name} {place + 1}: rows in another order",
                category="layout",
                changes=(fact("rows reordered", of=of, order=told, rows=len(order)),),
                sources=operation.sources,
                within=changing(operation.key, _ordered(place, order)),
            )


def _order(scene: Scene, operand: torch.Tensor) -> torch.Tensor | None:
    """The row that the engine has in the place of each row; None unless that is another order of all of them."""
    width = scene.engine.shape[-1]
    if operand.ndim < 2 or operand.shape[-1] != width or not operand.is_floating_point():  # noqa: PLR2004
        return None
    rows = operand.reshape(-1, width).double()
    if not _FEWEST <= len(rows) <= _MOST:
        return None
    places = torch.cdist(rows, scene.reference.reshape(-1, width).double()).min(1)
    if bool((places.values > _tolerance(scene, width)).any()):
        return None
    found = torch.cdist(scene.engine.reshape(-1, width).double()[places.indices], rows).min(1)
    order = found.indices
    is_order = len(order.unique()) == len(order) and not torch.equal(order, torch.arange(len(order)))
    return order if is_order and not bool((found.values > _tolerance(scene, width)).any()) else None


def _tolerance(scene: Scene, width: int) -> float:
    return 8 * scene.measure.noise * width**0.5 + 1e-12


def _ordered(place: int, order: torch.Tensor) -> Change:
    def changed(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        operand = args[place]
        moved = operand.reshape(-1, operand.shape[-1])[order].reshape(operand.shape)
        return func(*args[:place], moved, *args[place + 1 :], **kwargs)

    return changed
