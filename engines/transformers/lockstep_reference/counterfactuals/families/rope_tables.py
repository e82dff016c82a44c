"""Rotary tables made again: from position ids and frequencies, with one of the two, or the rotated part, changed.

Where the tables come from outside (decoder layers get them as an argument), they are first rebuilt from a frequency
buffer of the model and the call's position ids; only when that gives the same tables are variants tried.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import torch

from lockstep_reference.counterfactuals.base import Counterfactual, Scene
from lockstep_reference.counterfactuals.facts import Fact, fact
from lockstep_reference.counterfactuals.families.frequencies import made_frequencies
from lockstep_reference.counterfactuals.families.positions import VARIANTS, shifted
from lockstep_reference.counterfactuals.families.rope import rotary_functions, rotated_names, wrapping
from lockstep_reference.counterfactuals.fit import fit
from lockstep_reference.counterfactuals.snapshot import Snapshot, Within

# From frequencies [D / 2] and position ids [B, S] to others.
Frequencies = Callable[[torch.Tensor], torch.Tensor]
Positions = Callable[[torch.Tensor, Snapshot], torch.Tensor]


def rope_tables(scene: Scene) -> Iterator[Counterfactual]:
    """Variants of tables that the owner was given."""
    source = _source(scene.snapshot)
    names = rotary_functions(scene.snapshot)
    if source is None or not names or not scene.moved_by(_with(names[0], source, frequencies=torch.zeros_like)):
        return
    function, size = names[0], _buffer(scene.snapshot, source).shape[0]

    def one(what: str, made: Fact, within: Within) -> Counterfactual:
        return Counterfactual(f"rope-table/{what}", "rope-tables", (made,), within=within)

    for what, variant in VARIANTS.items():
        within = _with(function, source, positions=variant.renumber)
        yield replace(one(f"position {what}", variant.fact("rotation"), within), needs=variant.needs)
    if scene.fitting:
        shift = fit(scene, lambda c: _with(function, source, positions=lambda ids, _s: ids + c), 0.0)
        if shift:
            within = _shifted(function, source, shift[0])
            yield replace(one(f"shift {shift[0]:.4g}", shifted("rotation", shift[0]), within), fitted=1)
        scale = fit(scene, lambda c: _with(function, source, frequencies=lambda w: w * c), 1.0)
        if scale:
            named = scene.numbers.name(*scale)
            value = named[0] if named else scale[0]
            within = _scaled(function, source, value)
            scaled = fact("frequencies scaled", factor={"value": value, "name": named and named[1]})
            yield replace(one(f"x {value:.4g}", scaled, within), fitted=0 if named else 1)
    for value in (0.5, 0.25, 0.125, 2.0, 4.0, 8.0, *_factors(scene)):
        scaled = fact("frequencies scaled", factor=scene.numbers.fact(value))
        yield one(f"x {value:.4g}", scaled, _scaled(function, source, value))
    for other, buffer in _buffers(scene.snapshot):
        if other != source and buffer.shape == (size,):
            yield one(f"of {other}", fact("tables of", weight=other), _with(function, other))
    yield from _respaced(scene, one, function, source)
    yield from _parts(one, function, source, size)


One = Callable[[str, Fact, Within], Counterfactual]


def _respaced(scene: Scene, one: One, function: str, source: str) -> Iterator[Counterfactual]:
    """Frequencies made from scratch."""
    size = _buffer(scene.snapshot, source).shape[0]
    thetas = [value for path, value in scene.numbers.fields.items() if "theta" in path and value > 1]
    for theta in dict.fromkeys([*thetas, 10000.0]):
        for kept in (size, *([] if not scene.fitting else range(1, size))):
            for span in dict.fromkeys((2 * size, 2 * kept)):
                made = fact("rope frequencies", theta=theta, span=span, rotated=2 * kept, features=2 * size)
                frequencies = _made(theta, kept, span)
                yield one(
                    f"theta {theta:g} over {span}, {kept} kept", made, _with(function, source, frequencies=frequencies)
                )


def _parts(one: One, function: str, source: str, size: int) -> Iterator[Counterfactual]:
    """Only the first features rotated."""
    for kept, pairs, respaced in product(range(1, size), (False, True), (False, True)):
        layout = "neighbouring features" if pairs else "halves"
        order = "pairs" if pairs else "halves"
        made = fact("partly rotated", rotated=2 * kept, features=2 * size, layout=order, respaced=respaced)
        within = wrapping(function, _partial(source, kept, pairs=pairs, respaced=respaced), None)
        yield one(f"part {kept} {layout} {respaced}", made, within)


def _source(snapshot: Snapshot) -> str | None:
    """The frequency buffer that gives the tables of the call."""
    tables, ids = _given(snapshot)
    if tables is None or ids is None:
        return None
    for path, buffer in _buffers(snapshot):
        if 2 * buffer.shape[0] == tables[0].shape[-1]:
            cos, _ = _tables(buffer, ids, tables[0].dtype)
            if cos.shape == tables[0].shape and torch.allclose(cos, tables[0], rtol=1e-5, atol=1e-5):
                return path
    return None


def _given(snapshot: Snapshot) -> tuple[tuple[torch.Tensor, torch.Tensor] | None, torch.Tensor | None]:
    args, kwargs = snapshot.inputs
    pairs = [value for value in (*args, *kwargs.values()) if isinstance(value, tuple) and len(value) == 2]
    tables = next((pair for pair in pairs if all(isinstance(part, torch.Tensor) for part in pair)), None)
    ids = kwargs.get("position_ids")
    return tables, ids if isinstance(ids, torch.Tensor) and ids.ndim == 2 else None


def _buffers(snapshot: Snapshot) -> Iterator[tuple[str, torch.Tensor]]:
    return ((p, b) for p, b in snapshot.model.named_buffers() if p.endswith("inv_freq") and b.ndim == 1)


def _buffer(snapshot: Snapshot, path: str) -> torch.Tensor:
    return snapshot.model.get_buffer(path)


def _tables(frequencies: torch.Tensor, ids: torch.Tensor, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    wide = torch.float64 if dtype == torch.float64 else torch.float32
    angles = ids[..., None].to(wide) * frequencies.to(wide)
    angles = torch.cat([angles, angles], -1)
    return angles.cos().to(dtype), angles.sin().to(dtype)


def _same(ids: torch.Tensor, _snapshot: Snapshot) -> torch.Tensor:
    return ids


def _with(
    function: str, source: str, *, frequencies: Frequencies | None = None, positions: Positions = _same
) -> Within:
    def within(snapshot: Snapshot) -> Any:
        def make(own: Callable[..., Any], bound: inspect.BoundArguments) -> Any:
            _, ids = _given(snapshot)
            assert ids is not None
            buffer = _buffer(snapshot, source)
            changed = buffer if frequencies is None else frequencies(buffer)
            cos, sin = _tables(changed, positions(ids, snapshot), bound.arguments["cos"].dtype)
            bound.arguments["cos"], bound.arguments["sin"] = cos, sin
            return own(*bound.args, **bound.kwargs)

        return wrapping(function, make, None)(snapshot)

    return within


def _shifted(function: str, source: str, by: float) -> Within:
    return _with(function, source, positions=lambda ids, _s: ids + by)


def _scaled(function: str, source: str, by: float) -> Within:
    return _with(function, source, frequencies=lambda w: w * by)


def _made(theta: float, kept: int, span: int) -> Frequencies:
    return lambda w: made_frequencies(w, theta, kept, span)


def _partial(source: str, kept: int, *, pairs: bool, respaced: bool) -> Callable[..., Any]:
    """Rotates the first 2 x kept features only, in halves or in pairs; the others pass."""

    def make(own: Callable[..., Any], bound: inspect.BoundArguments) -> Any:
        half = bound.arguments["cos"].shape[-1] // 2
        index = torch.arange(kept) * (half // kept if respaced else 1)
        for name in ("cos", "sin"):
            table = bound.arguments[name][..., index]
            bound.arguments[name] = torch.cat([table, table], -1)
        passed = {}
        for name in rotated_names(bound):
            x = bound.arguments[name]
            passed[name] = x[..., 2 * kept :]
            part = x[..., : 2 * kept]
            bound.arguments[name] = part.unflatten(-1, (-1, 2)).transpose(-1, -2).flatten(-2) if pairs else part
        result = own(*bound.args, **bound.kwargs)
        parts = [result] if isinstance(result, torch.Tensor) else list(result)
        whole = []
        for part, rest in zip(parts, passed.values(), strict=False):
            turned = part.unflatten(-1, (2, -1)).transpose(-1, -2).flatten(-2) if pairs else part
            whole.append(torch.cat([turned, rest], -1))
        return whole[0] if isinstance(result, torch.Tensor) else tuple(whole)

    return make


def _factors(scene: Scene) -> list[float]:
    found = [value for path, value in scene.numbers.fields.items() if path.endswith("factor") and value not in (0, 1)]
    return [1 / value for value in found]
