"""Matrices: rows of a projection that come from elsewhere in the layer, or from no tensor of the checkpoint."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from lockstep_reference.counterfactuals.base import Counterfactual, Scene, weight_path
from lockstep_reference.counterfactuals.facts import fact
from lockstep_reference.counterfactuals.snapshot import Finish, Snapshot

# Rows that are named.
_SHOWN = 8


def matrices(scene: Scene) -> Iterator[Counterfactual]:
    """Changes of a linear module: its rows matched with those of its siblings, and any matrix at all."""
    if not isinstance(scene.module, nn.Linear):
        return
    weight = weight_path(scene, "weight")
    for biases in (True, False):
        found = _nearest_rows(scene.snapshot, scene.reference, biases=biases)
        if found is None or (not biases and scene.module.bias is None):
            continue
        pool = _pool(scene.snapshot)
        named = [{"weight": f"{pool[which][0]}.weight", "row": row} for which, row in found[:_SHOWN]]
        bias = "that of the rows" if biases else "own"
        yield Counterfactual(
            id=f"weight/rows of siblings{'' if biases else ', own bias'}",
            category="weights",
            changes=(fact("rows of siblings", weight=weight, rows=named, count=len(found), bias=bias),),
            finish=lambda snapshot, own, b=biases: _from_pool(snapshot, own, biases=b),
            fitted=len(found),
        )
    for place in _one_element(scene.snapshot, scene.reference) or []:
        yield Counterfactual(
            id=f"weight/element {place}",
            category="weights",
            changes=(fact("one element", weight=weight, row=place[0], column=place[1]),),
            finish=_with_element(place),
            fitted=1,
        )
    yield Counterfactual(
        id="weight/another matrix",
        category="weights",
        changes=(fact("another matrix", weight=weight),),
        finish=_any_matrix,
        fitted=scene.module.weight.numel(),
    )


def _pool(snapshot: Snapshot) -> list[tuple[str, nn.Linear]]:
    """Projections of the same parent that take as many features, the owner first."""
    parent = snapshot.path.rpartition(".")[0]
    own: Any = snapshot.module
    siblings = snapshot.model.get_submodule(parent).named_children() if parent else []
    others = [(f"{parent}.{name}", m) for name, m in siblings if isinstance(m, nn.Linear) and m is not own]
    return [(snapshot.path, own), *((p, m) for p, m in others if m.in_features == own.in_features)]


def _outputs_of_pool(snapshot: Snapshot, own: torch.Tensor, *, biases: bool) -> torch.Tensor | None:
    x = _input(snapshot)
    if x is None or x.numel() // x.shape[-1] < 4:
        return None
    outputs = []
    for _, module in _pool(snapshot):
        bias = None if module.bias is None or not biases else module.bias.to(own.dtype)
        outputs.append(nn.functional.linear(x.to(own.dtype), module.weight.to(own.dtype), bias))
    return torch.cat(outputs, -1)


def _nearest_rows(snapshot: Snapshot, own: torch.Tensor, *, biases: bool) -> list[tuple[int, int]] | None:
    everything = _outputs_of_pool(snapshot, own, biases=biases)
    if everything is None or snapshot.engine is None or snapshot.engine.shape[:-1] != everything.shape[:-1]:
        return None
    module: Any = snapshot.module
    bias = 0.0 if biases or module.bias is None else module.bias.double()
    theirs, ours = _rows(snapshot.engine.double() - bias).T, _rows(everything.double()).T
    places = [(which, row) for which, (_, m) in enumerate(_pool(snapshot)) for row in range(m.out_features)]
    return [places[column] for column in torch.cdist(theirs, ours).argmin(1).tolist()]


def _from_pool(snapshot: Snapshot, own: torch.Tensor, *, biases: bool) -> torch.Tensor | None:
    everything = _outputs_of_pool(snapshot, own, biases=biases)
    found = _nearest_rows(snapshot, own, biases=biases)
    if everything is None or found is None:
        return None
    starts = [0, *itertools.accumulate(module.out_features for _, module in _pool(snapshot))]
    rows = everything[..., [starts[which] + row for which, row in found]]
    module: Any = snapshot.module
    return rows if biases or module.bias is None else rows + module.bias.to(own.dtype)


def _one_element(snapshot: Snapshot, own: torch.Tensor) -> list[tuple[int, int]] | None:
    """The element of the matrix that would explain the error: the row that is off, the column that goes with it."""
    x = _input(snapshot)
    if x is None or snapshot.engine is None or snapshot.engine.shape != own.shape or len(_rows(x)) < 3:
        return None
    error = _rows(snapshot.engine.double() - own.double())
    row = int(error.square().sum(0).argmax())
    given = _rows(x.double())
    share = (given * error[:, row : row + 1]).sum(0).square() / given.square().sum(0).clamp(min=1e-300)
    return [(row, int(share.argmax()))]


def _with_element(place: tuple[int, int]) -> Finish:
    def finish(snapshot: Snapshot, own: torch.Tensor) -> torch.Tensor | None:
        x = _input(snapshot)
        if x is None or snapshot.engine is None or snapshot.engine.shape != own.shape:
            return None
        row, column = place
        given = x[..., column].to(own.dtype)
        error = snapshot.engine[..., row].to(own.dtype) - own[..., row]
        changed = own.clone()
        changed[..., row] += given * ((given * error).sum() / (given * given).sum())
        return changed

    return finish


def _input(snapshot: Snapshot) -> torch.Tensor | None:
    return next((tensor for site, tensor in snapshot.taps.items() if site.startswith(f"{snapshot.path}:in")), None)


def _rows(x: torch.Tensor) -> torch.Tensor:
    return x.flatten(0, -2)


def _any_matrix(snapshot: Snapshot, own: torch.Tensor) -> torch.Tensor | None:
    """The best linear map of the module's input; None where there are too few rows to tell it from anything else."""
    x = _input(snapshot)
    if x is None or snapshot.engine is None or x.numel() // x.shape[-1] < 1.25 * x.shape[-1] + 2:
        return None
    given, found = x.double().flatten(0, -2), snapshot.engine.double().flatten(0, -2)
    given = torch.cat([given, torch.ones(len(given), 1, dtype=torch.float64)], 1)
    return (given @ torch.linalg.lstsq(given, found).solution).reshape(own.shape).to(own.dtype)
