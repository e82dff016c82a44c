"""Names for numbers: which config field, constant or simple function of one a fitted number is."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from torch import nn

from lockstep_reference.counterfactuals.facts import Fact, fact

# Numbers that porters type in.
_USUAL = (
    *(0.0, 1.0, 2.0, 3.0, 4.0, 0.5, 0.25, 0.1, 0.9, 1.702, 0.044715, 30.0, 50.0, 15.0, 20.0, 10000.0, 1e5, 1e6, 5e5),
    *(1e-12, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 448.0, 127.5, 255.0, 255.5, 1 / 255),
    *(math.sqrt(2), math.pi, math.e),
)
# Powers of a field that porters compute, with what each costs; those of 0 and of what is negative only where they are.
_POWERS = ((1.0, 2), (0.5, 3), (-0.5, 3), (-1.0, 4), (2.0, 5))
# A number is what it is called within this.
_EXACT = 1e-6


class Numbers:
    """The numbers of a model's config, and what can be made of one."""

    def __init__(self, config: dict[str, Any], module: nn.Module) -> None:
        self.fields: dict[str, float] = {}
        self.own: dict[str, float] = {}
        # All fields of the config, those that are no numbers too.
        self.paths = [path for path, _ in _leaves(config)]
        for name, value in vars(module).items():
            if _is_number(value) and not name.startswith("_") and name != "training":
                self.own.setdefault(name, float(value))
        for name, value in _flatten(config):
            self.fields[name] = value

    def name(self, value: float, tolerance: float) -> tuple[float, Fact] | None:
        """The simplest number within `tolerance` (relative, at most 2 %) of `value`, with its name."""
        return next(iter(self.within(value, min(tolerance, 0.02))), None)

    def within(self, value: float, tolerance: float) -> list[tuple[float, Fact]]:
        """Every number within `tolerance` (relative) of `value` with its name, the simplest first."""
        found: dict[float, tuple[int, Fact]] = {}
        for cost, exact, name in self._known():
            if _close(value, exact, tolerance) and (exact not in found or cost < found[exact][0]):
                found[exact] = (cost, name)
        return [(exact, name) for exact, (_, name) in sorted(found.items(), key=lambda item: item[1][0])]

    def fact(self, value: float) -> Fact:
        """A number as a fact: with its name, where it has one."""
        named = self.name(value, _EXACT)
        return {"value": value, "name": named[1] if named else None}

    def origin(self, value: float) -> Fact:
        """A number that the module itself uses as a fact: named by its attribute or its field, if by anything."""
        if value not in (0.0, 1.0, 2.0, 0.5, -0.5, -1.0):
            for kind, table in (("attribute", self.own), ("field", self.fields)):
                for path, own in table.items():
                    if _close(own, value, _EXACT):
                        return {"value": value, "name": fact(kind, path=path, value=own, power=1.0)}
        return {"value": value, "name": None}

    def like(self, value: float) -> Iterator[float]:
        """Config numbers of about the size of `value`, and usual ones: first guesses."""
        seen = {value}
        for cost, exact, _ in self._known():
            alike = exact == 0 or (value != 0 and abs(math.log10(abs(exact / value))) < 4)
            if cost <= 2 and alike and exact not in seen:
                seen.add(exact)
                yield exact

    def _known(self) -> Iterator[tuple[int, float, Fact]]:
        for usual in _USUAL:
            yield 1, usual, fact("usual")
        table = {path: ("field", number) for path, number in self.fields.items()}
        for path, (kind, number) in {**table, **{path: ("attribute", own) for path, own in self.own.items()}}.items():
            for power, cost in _POWERS:
                if power == 1 or number > 0:
                    made = number if power == 1 else _power(number, power)
                    yield cost, made, fact(kind, path=path, value=number, power=power)
        for usual in _USUAL:
            yield 6, -usual, fact("usual")


def _power(number: float, power: float) -> float:
    """The power as a porter writes it: `1 / math.sqrt(x)` is not bit for bit `x ** -0.5`."""
    if abs(power) == 0.5:  # noqa: PLR2004
        return math.sqrt(number) if power > 0 else 1 / math.sqrt(number)
    return 1 / number if power < 0 else number * number


def _close(value: float, exact: float, tolerance: float) -> bool:
    if exact == 0:
        return abs(value) <= 1e-12
    return abs(value - exact) <= tolerance * abs(exact)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _flatten(config: dict[str, Any]) -> Iterator[tuple[str, float]]:
    for path, value in _leaves(config):
        if (
            _is_number(value)
            and math.isfinite(value)
            and not path.endswith(("_token_id", "_token_index", "initializer_range"))
        ):
            yield path, float(value)


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, item in value.items():
            if name not in ("id2label", "label2id"):
                yield from _leaves(item, f"{path}.{name}" if path else str(name))
    else:
        yield path, value
