"""Scalars: every number that an operation uses, fitted to what the engine has, then named.

A number that the engine has in another value shifts the site's tensor along the derivative by it, so Gauss-Newton steps
find the value wherever it came from, and the config says what it may be called.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from lockstep_reference.counterfactuals.base import Counterfactual, Scene, changing, line_of, place_of
from lockstep_reference.counterfactuals.facts import fact
from lockstep_reference.counterfactuals.fit import fit
from lockstep_reference.counterfactuals.operations import Change, Changed, Operation
from lockstep_reference.counterfactuals.snapshot import Snapshot, Within

_ARITHMETIC = frozenset(  # noqa: SIM905 - a list of so many names is no easier to read
    [
        "mul",
        "mul_",
        "imul",
        "__mul__",
        "__imul__",
        "__rmul__",
        "div",
        "div_",
        "true_divide",
        "__truediv__",
        "__rtruediv__",
        "add",
        "add_",
        "__add__",
        "__iadd__",
        "__radd__",
        "sub",
        "sub_",
        "__sub__",
        "__rsub__",
        "rsub",
        "pow",
        "__pow__",
        "__rpow__",
        "float_power",
        "clamp",
        "clamp_",
        "clamp_min",
        "clamp_max",
        "layer_norm",
        "rms_norm",
        "group_norm",
        "leaky_relu",
        "softplus",
        "elu",
        "maximum",
        "minimum",
        "lerp",
        "addcmul",
        "baddbmm",
        "masked_fill",
        "full",
    ]
)


# Names that are tried for one fitted number.
_NAMES = 4
# Noise units within which a number needs no fitting.
_NEAR_ENOUGH = 1.5


@dataclass(frozen=True)
class _Together:
    """Numbers of one value in several operations: one constant of the code, as in a soft-cap."""

    slots: tuple[_Slot, ...]

    @property
    def value(self) -> float:
        return self.slots[0].value

    @property
    def operation(self) -> Operation:
        return self.slots[0].operation

    def within(self, value: float) -> Within:
        """All of them with `value`."""

        @contextmanager
        def all_changed(_snapshot: Snapshot) -> Iterator[None]:
            with ExitStack() as stack:
                for slot in self.slots:
                    stack.enter_context(Changed(slot.operation.key, slot.change(value)))
                yield

        return all_changed


@dataclass(frozen=True)
class _Slot:
    """One number among an operation's arguments."""

    operation: Operation
    place: int | str
    value: float

    def within(self, value: float) -> Within:
        """This number with `value`."""
        return changing(self.operation.key, self.change(value))

    def change(self, value: float) -> Change:
        """The operation with `value` in this place."""

        def changed(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            if isinstance(self.place, str):
                return func(*args, **{**kwargs, self.place: value})
            own = args[self.place]
            new: Any = torch.full_like(own, value) if isinstance(own, torch.Tensor) else value
            return func(*args[: self.place], new, *args[self.place + 1 :], **kwargs)

        return changed


def scalars(scene: Scene) -> Iterator[Counterfactual]:
    """Every number of every operation: candidates of its size, and the fitted value."""
    if not scene.engine.is_floating_point():
        return
    for slot in _all_slots(scene.operations):
        if not _matters(scene, slot):
            continue
        if not scene.fitting:
            yield from (_counterfactual(scene, slot, value) for value in _likely(scene, slot))
            continue
        starts = [slot.value, *_first_guesses(scene, slot)]
        scored = sorted((scene.measure.score(_value(scene, slot, start)), start) for start in starts)
        if scored[0][0] < _NEAR_ENOUGH:
            # A number with a name: a fitted one beside it would only be less exact.
            tried = {start for score, start in scored[:3] if score < _NEAR_ENOUGH}
        else:
            tried = {scored[0][1], *_fitted(scene, slot, [start for _, start in scored[:2]])}
        for value in tried - {slot.value}:
            yield _counterfactual(scene, slot, value)


def _fitted(scene: Scene, slot: _Slot | _Together, starts: list[float]) -> Iterator[float]:
    """The values that steps from `starts` end in, named ones as what they are named."""
    for start in starts:
        found = fit(scene, slot.within, start)
        if found is not None:
            value, tolerance = found
            # At least half a per cent: the number may be another one because something else is wrong, too.
            named = scene.numbers.within(value, max(tolerance, 0.005))[:_NAMES]
            yield from (exact for exact, _ in named)
            if not any(abs(exact - value) <= tolerance * abs(value) for exact, _ in named):
                yield value


def _counterfactual(scene: Scene, slot: _Slot | _Together, value: float) -> Counterfactual:
    key = slot.operation.key
    slots = slot.slots if isinstance(slot, _Together) else (slot,)
    operations = list(dict.fromkeys(one.operation.key.name.strip("_") for one in slots))
    named = " and ".join(operations)
    found = scene.numbers.fact(value)
    return Counterfactual(
        id=f"scalar/{place_of(scene, key)}/{named}={value:.4g}",
        category=_category(slot, named),
        changes=(fact("number", operations=operations, expected=scene.numbers.origin(slot.value), found=found),),
        sources=slot.operation.sources,
        within=slot.within(value),
        # Of two numbers that fit, one that somebody would type is likelier.
        fitted=0 if found["name"] else 1,
        place=line_of(key),
    )


def _category(slot: _Slot | _Together, operation: str) -> str:
    if 0 < slot.value < 0.02 and operation in ("add", "layer_norm", "rms_norm", "group_norm", "clamp", "clamp_min"):
        return "norm-eps"
    return "scalar"


def _all_slots(operations: list[Operation]) -> list[_Slot | _Together]:
    slots = list(_slots(operations))
    alike: dict[float, list[_Slot]] = {}
    for slot in slots:
        alike.setdefault(abs(slot.value), []).append(slot)
    together = [_Together(tuple(group)) for value, group in alike.items() if 1 < len(group) < 5 and value not in (0, 1)]
    return [*slots, *(group for group in together if len({slot.value for slot in group.slots}) == 1)]


def _slots(operations: list[Operation]) -> Iterator[_Slot]:
    for operation in operations:
        if operation.key.name not in _ARITHMETIC or not _floating(operation.result):
            continue
        for place, value in (*enumerate(operation.args), *operation.kwargs.items()):
            number = _number(value)
            if number is not None and math.isfinite(number) and abs(number) < 1e30:
                yield _Slot(operation, place, number)


def _floating(result: Any) -> bool:
    return isinstance(result, torch.Tensor) and result.is_floating_point()


def _number(value: Any) -> float | None:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, torch.Tensor) and value.numel() == 1 and value.is_floating_point():
        return float(value)
    return None


def _value(scene: Scene, slot: _Slot | _Together, number: float) -> torch.Tensor | None:
    return scene.snapshot.value(slot.within(number))


def _matters(scene: Scene, slot: _Slot | _Together) -> bool:
    moved = _value(scene, slot, slot.value * 1.01 if slot.value else 0.01)
    return moved is not None and moved.shape == scene.reference.shape and not torch.equal(moved, scene.reference)


def _likely(scene: Scene, slot: _Slot | _Together) -> list[float]:
    """The numbers that a porter would most likely have in its place, at most 8."""
    own = slot.value
    simple = [0.0, 1.0, 2 * own, own / 2, *([math.sqrt(own), 1 / own] if own > 0 else [])]
    if 0 < own < 0.02:
        simple = [0.0, 1e-12, 1e-8, 1e-6, 1e-5, *(v for v in scene.numbers.like(own) if v < 0.02)]
    return [value for value in dict.fromkeys(simple) if value != own][:8]


def _first_guesses(scene: Scene, slot: _Slot | _Together) -> list[float]:
    own = slot.value
    simple = [0.0, 1.0, -own, 2 * own, own / 2, own * own]
    simple += [math.sqrt(own), 1 / math.sqrt(own), 1 / own] if own > 0 else []
    guesses = dict.fromkeys([*simple, *scene.numbers.like(own)])
    return [value for value in guesses if value != own][:36]
