"""Names for numbers: which config field, constant or simple function of one a fitted number is."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from torch import nn

# Numbers that porters type in.
_USUAL = (
    *(0.0, 1.0, 2.0, 3.0, 4.0, 0.5, 0.25, 0.1, 0.9, 1.702, 0.044715, 30.0, 50.0, 15.0, 20.0, 10000.0, 1e5, 1e6, 5e5),
    *(
        1e-12,
        1e-8,
        1e-7,
        1e-6,
        1e-5,
        1e-4,
        1e-3,
        1e-2,
        448.0,
        127.5,
        255.0,
        255.5,
        1 / 255,
        math.sqrt(2),
        math.pi,
        math.e,
    ),
)


class Numbers:
    """The numbers of a model's config, and what can be made of one."""

    def __init__(self, config: dict[str, Any], module: nn.Module) -> None:
        self.fields: dict[str, float] = {}
        self.own: dict[str, float] = {}
        for name, value in vars(module).items():
            if _is_number(value) and not name.startswith("_") and name != "training":
                self.own.setdefault(name, float(value))
        for name, value in _flatten(config):
            self.fields[name] = value

    def name(self, value: float, tolerance: float) -> tuple[float, str] | None:
        """The simplest number within `tolerance` (relative, at most 2 %) of `value`, with its name."""
        return next(iter(self.within(value, min(tolerance, 0.02))), None)

    def within(self, value: float, tolerance: float) -> list[tuple[float, str]]:
        """Every number within `tolerance` (relative) of `value` with its name, the simplest first."""
        found: dict[float, tuple[int, str]] = {}
        for cost, exact, text in self._known():
            if _close(value, exact, tolerance) and cost < found.get(exact, (99, ""))[0]:
                found[exact] = (cost, text)
        return [(exact, text) for exact, (_, text) in sorted(found.items(), key=lambda item: item[1][0])]

    @staticmethod
    def show(value: float, other: float) -> str:
        """`value` with as many digits as tell it from `other`."""
        digits = next((d for d in range(4, 12) if f"{value:.{d}g}" != f"{other:.{d}g}"), 12)
        return f"{value:.{max(digits, 6) if abs(value - other) < 0.01 * abs(other) else 6}g}"

    def origin(self, value: float) -> str:
        """What the module itself calls a number that it uses; "" for numbers that say nothing."""
        if value in (0.0, 1.0, 2.0, 0.5, -0.5, -1.0):
            return ""
        names = [name for table in (self.own, self.fields) for name, own in table.items() if _close(own, value, 1e-6)]
        return names[0] if names else ""

    def like(self, value: float) -> Iterator[tuple[float, str]]:
        """Config numbers of about the size of `value`, and usual ones: first guesses."""
        seen = {value}
        for cost, exact, text in self._known():
            alike = exact == 0 or (value != 0 and abs(math.log10(abs(exact / value))) < 4)
            if cost <= 2 and alike and exact not in seen:
                seen.add(exact)
                yield exact, text

    def _known(self) -> Iterator[tuple[int, float, str]]:
        for usual in _USUAL:
            yield 1, usual, f"{usual:.6g}"
        for text, number in {**self.fields, **self.own}.items():
            yield 2, number, f"{text} {number:g}"
            if number > 0:
                yield 3, math.sqrt(number), f"sqrt({text} {number:g})"
                yield 3, 1 / math.sqrt(number), f"1/sqrt({text} {number:g})"
                yield 4, 1 / number, f"1/({text} {number:g})"
                yield 5, number * number, f"({text} {number:g})^2"
        for usual in _USUAL:
            yield 6, -usual, f"-{usual:.6g}"


def _close(value: float, exact: float, tolerance: float) -> bool:
    if exact == 0:
        return abs(value) <= 1e-12
    return abs(value - exact) <= tolerance * abs(exact)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _flatten(value: Any, path: str = "") -> Iterator[tuple[str, float]]:
    if _is_number(value) and not path.endswith(("_token_id", "_token_index", "initializer_range")):
        yield path, float(value)
    elif isinstance(value, dict):
        for name, item in value.items():
            if name not in ("id2label", "label2id"):
                yield from _flatten(item, f"{path}.{name}" if path else str(name))
