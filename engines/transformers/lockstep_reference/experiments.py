"""What the sizes, epsilons and switches of a model's modules follow from, found by experiment.

A tiny model is built again with one field of the config changed at a time, and what changed with it is noted.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn
from transformers import PreTrainedModel
from transformers.activations import ACT2FN
from transformers.pytorch_utils import Conv1D

from lockstep_engine.errors import EngineError
from lockstep_reference.build import instantiate
from lockstep_reference.likeness import likeness

Json = dict[str, Any]

_ACTIVATIONS = ("silu", "gelu", "gelu_new", "gelu_pytorch_tanh", "quick_gelu", "relu", "relu2", "sigmoid", "tanh")


class Build:
    """A tiny model and what of it can depend on a field."""

    def __init__(self, config: Json) -> None:
        self.model: PreTrainedModel = instantiate(config)
        self.config = config
        self.modules = dict(self.model.named_modules())
        self.shapes = {name: tuple(tensor.shape) for name, tensor in self.model.state_dict().items()}

    def number(self, path: str, name: str) -> float | None:
        """A number that the module keeps: an epsilon, a scale."""
        value = getattr(self.modules.get(path), name, None)
        return float(value) if isinstance(value, (int, float)) else None


@dataclass(frozen=True)
class _Experiment:
    field: str
    build: Build


def _experiments(config: Json, fields: list[Json]) -> Iterator[tuple[str, _Experiment]]:
    """The model built again, each time with another field changed; fields that it can't be changed in are left out."""
    for field in fields:
        name, kind = field["name"], field["kind"]
        value = config.get(name, field["default"])
        other: Any = None
        if kind == "bool":
            other = not value
        elif kind in {"int", "float"} and isinstance(value, (int, float)) and value > 0:
            other = 2 * value
        elif kind == "activation":
            other = "relu" if value != "relu" else "silu"
        if other is None:
            continue
        try:
            yield name, _Experiment(name, Build({**config, name: other}))
        except (EngineError, RuntimeError, ValueError):
            continue


class Laboratory:
    """Keeps the experiments on each build: modules that only a switch brings are looked at with that switch on."""

    def __init__(self, fields: list[Json]) -> None:
        self._fields = fields
        self._done: dict[int, dict[str, _Experiment]] = {}

    def on(self, build: Build) -> dict[str, _Experiment]:
        """The experiments by the name of the field that they change."""
        if id(build) not in self._done:
            self._done[id(build)] = dict(_experiments(build.config, self._fields))
        return self._done[id(build)]


def file_of(model: nn.Module) -> Path:
    return Path(inspect.getfile(type(model)))


def classes_of(base: Build, laboratory: Laboratory, file: Path) -> list[Json]:
    """The classes of the modeling file that the model is made of, in the order of that file."""
    found: dict[str, Json] = {}
    switched = laboratory.on(base)
    every = [("", base), *((name, experiment.build) for name, experiment in switched.items())]
    for field, build in every:
        if field and not isinstance(build.config[field], bool):
            continue
        for path, module in build.modules.items():
            if Path(inspect.getfile(type(module))) != file:
                continue
            name = type(module).__name__
            entry = found.setdefault(
                name, {"name": name, "path": path, "line": inspect.getsourcelines(type(module))[1], "children": {}}
            )
            entry.setdefault("build", build)
            for child, inner in module.named_children():
                spot = entry["children"].setdefault(child, {"build": build, "path": f"{path}.{child}".lstrip(".")})
                spot.setdefault("module", inner)
    classes = []
    for entry in sorted(found.values(), key=lambda one: one["line"]):
        build, path = entry["build"], entry["path"]
        module = build.modules[path]
        experiments = laboratory.on(build)
        classes.append(
            {
                "name": entry["name"],
                "path": path,
                "like": likeness(module, path, build.model),
                "forward": "forward" in vars(type(module)),
                "indexed": "layer_idx" in inspect.signature(type(module).__init__).parameters,
                "eps": _field_of_number(path, build, experiments),
                "scaling": build.number(path, "scaling"),
                "tensors": [
                    {"name": name, "shape": _sizes(f"{path}.{name}".lstrip("."), build, experiments)}
                    for name in module.state_dict()
                    if "." not in name
                ],
                "children": [_child(child, spot, base, laboratory) for child, spot in entry["children"].items()],
            }
        )
    return classes


def _child(name: str, spot: Json, base: Build, laboratory: Laboratory) -> Json:
    build, path, module = spot["build"], spot["path"], spot["module"]
    experiments = laboratory.on(build)
    child: Json = {"name": name, "type": type(module).__name__, "kind": _child_kind(module), "path": path}
    condition = _condition(path, base, laboratory.on(base))
    if condition:
        child["when"] = condition
    if isinstance(module, nn.ModuleList):
        child["count"] = _count(path, len(module), build, experiments)
        child["element"] = type(module[0]).__name__ if len(module) else None
        child["elements"] = _child("0", {"build": build, "path": f"{path}.0", "module": module[0]}, base, laboratory)
        return child
    weights = [weight for weight in ("weight", "bias") if f"{path}.{weight}" in build.shapes]
    if weights:
        child["shape"] = _sizes(f"{path}.weight", build, experiments)
    child["bias"] = _bias(path, build, experiments)
    child["eps"] = _field_of_number(path, build, experiments)
    if child["kind"] == "activation":
        child["activation"] = next((name for name in _ACTIVATIONS if type(ACT2FN[name]) is type(module)), "silu")
        child["field"] = next(
            (
                field
                for field, experiment in experiments.items()
                if isinstance(experiment.build.config[field], str)
                and type(experiment.build.modules.get(path)) is not type(module)
            ),
            None,
        )
    return child


def _child_kind(module: nn.Module) -> str:
    for kind, cls in (
        ("linear", nn.Linear),
        ("embedding", nn.Embedding),
        ("layer_norm", nn.LayerNorm),
        ("dropout", nn.Dropout),
        ("conv1d", Conv1D),
        ("list", nn.ModuleList),
    ):
        if type(module) is cls or (cls in {nn.Linear, nn.Embedding} and isinstance(module, cls)):
            return kind
    file = inspect.getfile(type(module))
    known = file.endswith("activations.py") or type(module).__module__ == "torch.nn.modules.activation"
    return "activation" if known else "module"


def _condition(path: str, base: Build, experiments: dict[str, _Experiment]) -> str | None:
    """The switch that the module is there for: its field, or `!field`."""
    flags = {name: one for name, one in experiments.items() if isinstance(one.build.config[name], bool)}
    parent = path.rpartition(".")[0]
    for field, experiment in flags.items():
        if (parent in experiment.build.modules) != (parent in base.modules):
            continue
        if (path in experiment.build.modules) != (path in base.modules):
            there = experiment.build if path in experiment.build.modules else base
            value = there.config.get(field, not experiment.build.config[field])
            return field if value else f"!{field}"
    return None


def _count(path: str, length: int, build: Build, experiments: dict[str, _Experiment]) -> Json:
    factors = [
        field
        for field, experiment in experiments.items()
        if isinstance(modules := experiment.build.modules.get(path), nn.ModuleList)
        and len(modules) == 2 * length
        and build.config is not experiment.build.config
    ]
    return {"value": length, "field": factors[0] if factors else None}


def _sizes(name: str, build: Build, experiments: dict[str, _Experiment]) -> list[Json]:
    """Each size of a tensor with the fields that it is a product of, and those that it is divided by."""
    sizes = []
    for axis, value in enumerate(build.shapes[name]):
        factors, divisors, known, product = [], [], True, 1.0
        for field, experiment in experiments.items():
            other = experiment.build.shapes.get(name)
            setting = experiment.build.config[field]
            if other is None or isinstance(setting, (bool, str)) or build.config.get(field) == setting:
                continue
            ratio = other[axis] / value
            if ratio == 2:  # noqa: PLR2004
                factors.append(field)
                product *= setting / 2
            elif ratio == 0.5:  # noqa: PLR2004
                divisors.append(field)
                product /= setting / 2
            elif ratio != 1:
                known = False
        constant = value / product
        sizes.append(
            {
                "value": value,
                "factors": factors if known and constant == int(constant) else None,
                "divisors": divisors,
                "constant": int(constant),
            }
        )
    return sizes


def _bias(path: str, build: Build, experiments: dict[str, _Experiment]) -> bool | str:
    there = f"{path}.bias" in build.shapes
    for field, experiment in experiments.items():
        setting = experiment.build.config[field]
        if not isinstance(setting, bool) or path not in experiment.build.modules:
            continue
        if (f"{path}.bias" in experiment.build.shapes) != there:
            return field if setting != there else f"!{field}"
    return there


def _field_of_number(path: str, build: Build, experiments: dict[str, _Experiment]) -> Json | None:
    """The epsilon of a norm, and the field that it follows."""
    for name in ("eps", "variance_epsilon"):
        value = build.number(path, name)
        if value is None:
            continue
        for field, experiment in experiments.items():
            if experiment.build.number(path, name) == 2 * value:
                return {"value": value, "field": field}
        return {"value": value, "field": None}
    return None
