"""Rotary embeddings: how the tables of cosines and sines are applied."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import torch

from lockstep_reference.counterfactuals.base import Counterfactual, Scene
from lockstep_reference.counterfactuals.facts import fact, source_of
from lockstep_reference.counterfactuals.snapshot import Finish, Snapshot, Within

_TABLES = ("cos", "sin")
Call = Callable[..., Any]


def rope(scene: Scene) -> Iterator[Counterfactual]:
    """Variants of the functions that apply rotary tables."""
    names = rotary_functions(scene.snapshot)
    for name in names:
        sources = source_of(_space(scene.snapshot)[name])
        for what, inverse in (("once more", False), ("taken back", True)) if scene.fitting else ():
            made = (fact("rotation", to=what, call=None),)
            yield Counterfactual(f"rope/{what}", "rope", made, sources, finish=_once_more(name, inverse=inverse))
        if not scene.moved_by(wrapping(name, _not_applied, None)):
            continue
        for what, (to, make) in _VARIANTS.items():
            for call in (None, 0, 1) if scene.fitting else (None,):
                only = "" if call is None else f" in call {call + 1} only"
                yield Counterfactual(
                    id=f"rope/{what}{only}",
                    category="rope",
                    changes=(fact("rotation", to=to, call=None if call is None else call + 1),),
                    sources=sources,
                    within=wrapping(name, make, call),
                )


def _once_more(name: str, *, inverse: bool) -> Finish:
    """The function applied to the site's own tensor [B, H, S, D] with the tables that the owner was given."""

    def finish(snapshot: Snapshot, own: torch.Tensor) -> torch.Tensor | None:
        args, kwargs = snapshot.inputs
        pairs = (value for value in (*args, *kwargs.values()) if isinstance(value, tuple) and len(value) == 2)
        tables = next((pair for pair in pairs if all(isinstance(part, torch.Tensor) for part in pair)), None)
        if tables is None or own.ndim != 4:
            return None
        if tables[0].shape[-2:] != own.shape[-2:]:
            # [B, S, H, D], before the heads went to the front.
            turned = own.transpose(1, 2)
            return (
                None if tables[0].shape[-2:] != turned.shape[-2:] else rotated(snapshot, turned, tables).transpose(1, 2)
            )
        return rotated(snapshot, own, tables)

    def rotated(snapshot: Snapshot, own: torch.Tensor, tables: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        cos, sin = tables[0], -tables[1] if inverse else tables[1]
        function = _space(snapshot)[name]
        turned = [p for p in inspect.signature(function).parameters.values() if p.default is p.empty][:-2]
        result = function(*[own for _ in turned], cos, sin)
        return result if isinstance(result, torch.Tensor) else result[0]

    return finish


def rotary_functions(snapshot: Snapshot) -> list[str]:
    """Functions of the modeling file that apply rotary tables."""
    space = _space(snapshot)
    return [
        name
        for name, value in space.items()
        if inspect.isfunction(value) and set(_TABLES) <= set(inspect.signature(value).parameters)
    ]


def _space(snapshot: Snapshot) -> dict[str, Any]:
    """The names that the modeling file of the owner defines."""
    return vars(sys.modules[type(snapshot.module).__module__])


def wrapping(name: str, make: Callable[[Call, inspect.BoundArguments], Any], call: int | None) -> Within:
    """Every call of the function `name`, or one of them, goes through `make`."""

    @contextmanager
    def within(snapshot: Snapshot) -> Iterator[None]:
        space = _space(snapshot)
        own = space[name]
        signature = inspect.signature(own)
        calls = iter(range(1_000_000))

        def wrapped(*args: Any, **kwargs: Any) -> Any:
            bound = signature.bind(*args, **kwargs)
            if call is not None and next(calls) != call:
                return own(*args, **kwargs)
            return make(own, bound)

        with mock.patch.dict(space, {name: wrapped}):
            yield

    return within


def rotated_names(bound: inspect.BoundArguments) -> list[str]:
    """Names of the arguments that are rotated."""
    tensors = [name for name, value in bound.arguments.items() if isinstance(value, torch.Tensor)]
    return [name for name in tensors if name not in _TABLES and "position" not in name]


def _with_tables(change: Callable[[torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]):
    def make(own: Call, bound: inspect.BoundArguments) -> Any:
        bound.arguments["cos"], bound.arguments["sin"] = change(bound.arguments["cos"], bound.arguments["sin"])
        return own(*bound.args, **bound.kwargs)

    return make


def _reordered(
    order: Callable[[torch.Tensor], torch.Tensor], back: Callable[[torch.Tensor], torch.Tensor], *, tables: bool = False
):
    """Rotates other pairs of features than the reference; with `tables`, their places in the tables stay."""

    def make(own: Call, bound: inspect.BoundArguments) -> Any:
        for name in [*rotated_names(bound), *(_TABLES if tables else ())]:
            bound.arguments[name] = order(bound.arguments[name])
        result = own(*bound.args, **bound.kwargs)
        return back(result) if isinstance(result, torch.Tensor) else tuple(back(part) for part in result)

    return make


def _not_applied(_own: Call, bound: inspect.BoundArguments) -> Any:
    rotated = [bound.arguments[name] for name in rotated_names(bound)]
    return rotated[0] if len(rotated) == 1 else tuple(rotated)


def _twice(own: Call, bound: inspect.BoundArguments) -> Any:
    result = own(*bound.args, **bound.kwargs)
    parts = (result,) if isinstance(result, torch.Tensor) else result
    for name, part in zip(rotated_names(bound), parts, strict=False):
        bound.arguments[name] = part
    return own(*bound.args, **bound.kwargs)


def _half(keep: slice):
    def make(own: Call, bound: inspect.BoundArguments) -> Any:
        before = [bound.arguments[name] for name in rotated_names(bound)]
        result = own(*bound.args, **bound.kwargs)
        parts = [result] if isinstance(result, torch.Tensor) else list(result)
        mixed = []
        for old, new in zip(before, parts, strict=False):
            half = new.shape[-1] // 2
            both = [old[..., :half], new[..., half:]] if keep.start is None else [new[..., :half], old[..., half:]]
            mixed.append(torch.cat(both, -1))
        return mixed[0] if isinstance(result, torch.Tensor) else tuple(mixed)

    return make


def _to_halves(x: torch.Tensor) -> torch.Tensor:
    return x.unflatten(-1, (-1, 2)).transpose(-1, -2).flatten(-2)


def _to_pairs(x: torch.Tensor) -> torch.Tensor:
    return x.unflatten(-1, (2, -1)).transpose(-1, -2).flatten(-2)


def _first_half_of_table(table: torch.Tensor) -> torch.Tensor:
    return table[..., : table.shape[-1] // 2].repeat_interleave(2, -1)


# By the name in ids: the fact, and how the function is called in its place.
_VARIANTS: dict[str, tuple[str, Callable[[Call, inspect.BoundArguments], Any]]] = {
    "not applied": ("not applied", _not_applied),
    "twice": ("twice", _twice),
    "inverse": ("other direction", _with_tables(lambda cos, sin: (cos, -sin))),
    "swapped": ("cos and sin swapped", _with_tables(lambda cos, sin: (sin, cos))),
    "pairs": ("pairs", _reordered(_to_halves, _to_pairs)),
    "halves": ("halves", _reordered(_to_pairs, _to_halves)),
    "pairs, tables for halves": (
        "pairs, tables for halves",
        _reordered(_to_halves, _to_pairs, tables=True),
    ),
    "halves, tables for pairs": (
        "halves, tables for pairs",
        _reordered(_to_pairs, _to_halves, tables=True),
    ),
    "pair tables": (
        "tables for pairs",
        _with_tables(lambda cos, sin: (_first_half_of_table(cos), _first_half_of_table(sin))),
    ),
    "later": ("tables of the next token", _with_tables(lambda cos, sin: (cos.roll(-1, -2), sin.roll(-1, -2)))),
    "earlier": ("tables of the token before", _with_tables(lambda cos, sin: (cos.roll(1, -2), sin.roll(1, -2)))),
    "first token": (
        "first token's tables",
        _with_tables(lambda cos, sin: (cos[..., :1, :].expand_as(cos), sin[..., :1, :].expand_as(sin))),
    ),
    "first sequence": (
        "first sequence's tables",
        _with_tables(lambda cos, sin: (cos[:1].expand_as(cos), sin[:1].expand_as(sin))),
    ),
    "first half": ("first half only", _half(slice(0, None))),
    "second half": ("second half only", _half(slice(None, 0))),
}
