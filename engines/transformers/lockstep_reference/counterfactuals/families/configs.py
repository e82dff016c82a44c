"""Configs: a module without weights (rotary tables) made again from the config with one field changed."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

from lockstep_reference.counterfactuals.base import Counterfactual, Scene
from lockstep_reference.counterfactuals.facts import fact
from lockstep_reference.counterfactuals.snapshot import Snapshot, Within
from lockstep_reference.oracle import Float64Mode

# A field's path in the config, and what it becomes; None takes it away.
Field = tuple[tuple[str, ...], Any]

_LARGEST_SHARE = 4


def configs(scene: Scene) -> Iterator[Counterfactual]:
    """Every number, list and kind in the rope parameters of the module's config, changed."""
    module = scene.module
    config = getattr(module, "config", None)
    if config is None or list(module.parameters()) or list(module.children()) or not list(module.buffers()):
        return
    if not scene.moved_by(_made_with((("rope_parameters",), _first_number_changed(config.rope_parameters)))):
        return
    for path, value in _leaves(config.rope_parameters, ("rope_parameters",)):
        for other in _others(config, path, value, scene):
            name = ".".join(path[1:])
            shown = "left out" if other is None else f"{_short(other)} in place of {_short(value)}"
            made = (fact("config field", field=".".join(path), expected=value, found=other),)
            yield Counterfactual(f"config/{name} {shown}", "rope-tables", made, within=_made_with((path, other)))


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _leaves(part, (*path, name))
    else:
        yield path, value


def _others(config: Any, path: tuple[str, ...], value: Any, scene: Scene) -> Iterator[Any]:
    if isinstance(value, str):
        yield from (kind for kind in (*ROPE_INIT_FUNCTIONS, "default") if kind != value)
        return
    yield None
    if isinstance(value, list):
        alike = [part for _, part in _leaves(config.rope_parameters, ()) if isinstance(part, list) and part != value]
        yield from (other for other in alike if len(other) == len(value))
        yield [1.0] * len(value)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        numbers = [v for _, v in _leaves(config.rope_parameters, ()) if isinstance(v, (int, float))]
        usual = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 0.5, value * 2, value / 2, 8192, 4096, 2048, 10000.0, 5e5, 1e6]
        wanted = getattr(config, "max_position_embeddings", None)
        others: list[Any] = [*numbers, *usual, *([wanted] if wanted else [])]
        for other in dict.fromkeys(others):
            # A share of the features taken for a length would make tables of millions.
            if other != value and not (value <= 1 and other > _LARGEST_SHARE):
                yield type(value)(other)


def _first_number_changed(parameters: Any) -> Any:
    changed = copy.deepcopy(parameters)
    for path, value in _leaves(changed, ()):
        if isinstance(value, float):
            _set(changed, path, value * 1.5)
            break
    return changed


def _set(table: Any, path: tuple[str, ...], value: Any) -> None:
    for name in path[:-1]:
        table = table[name]
    if value is None:
        del table[path[-1]]
    else:
        table[path[-1]] = value


def _short(value: Any) -> str:
    if isinstance(value, list):
        return f"[{' '.join(map(_short, value))}]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _made_with(field: Field) -> Within:
    @contextmanager
    def within(snapshot: Snapshot) -> Iterator[None]:
        module = snapshot.module
        with torch._C.DisableTorchFunction():
            config: Any = copy.deepcopy(module.config)
        path, value = field
        if len(path) == 1:
            config.rope_parameters = value
        else:
            _set(config.rope_parameters, path[1:], value)
        with Float64Mode() if snapshot.oracle else nullcontext():
            made = type(module)(config)
        own = dict(module.__dict__)
        # Its hooks stay: they see that the site is reached.
        module.__dict__.update({name: part for name, part in made.__dict__.items() if "hook" not in name})
        try:
            yield
        finally:
            module.__dict__.clear()
            module.__dict__.update(own)

    return within
