"""Facts about changes: tagged records of plain values, as harness/verdict/change.ts declares them. No sentences."""

from __future__ import annotations

import inspect
import json
import linecache
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# `{"kind": ..., **params}`; the kinds and their parameters are declared once, in the published schema.
Fact = dict[str, Any]

TENSOR: Fact = {"kind": "tensor"}
INPUT: Fact = {"kind": "input"}
# Parameters whose values name something of the model or its config.
_NAMING = ("path", "field", "attribute", "module", "weight")
# A number of more digits than this says nothing more.
_DIGITS = 6


def fact(kind: str, **params: Any) -> Fact:
    """One tagged record."""
    return {"kind": kind, **params}


def weight(path: str) -> Fact:
    """The weight or buffer `path`, as what a change is made to."""
    return fact("weight", weight=path)


def axis(name: str | None, index: int, size: int) -> Fact:
    """An axis: what it runs over where that is known, its place, its length."""
    return {"name": name, "index": index, "size": size}


@dataclass(frozen=True)
class Source:
    """A line of the reference's source."""

    file: str
    line: int
    text: str

    def fact(self) -> Fact:
        """The line as the protocol carries it."""
        return {"file": self.file, "line": self.line, "text": self.text}


def source_line(file: str, line: int) -> Source:
    """The line of a file; what this package has of its own is told by the package's name."""
    path = Path(file)
    shown = f"lockstep_reference/{path.name}" if "lockstep_reference" in path.parts else path.name
    return Source(shown, line, linecache.getline(file, line).strip())


def source_of(function: Callable[..., Any]) -> tuple[Source, ...]:
    """The line where a function begins; empty where that is not known."""
    try:
        code = inspect.unwrap(function).__code__
    except AttributeError:
        return ()
    first = code.co_firstlineno
    # Decorators come first.
    defined = next((at for at in range(first, first + 9) if "def " in linecache.getline(code.co_filename, at)), first)
    return (source_line(code.co_filename, defined),)


def about(changes: tuple[Fact, ...], sources: tuple[Source, ...], fields: list[str]) -> list[str]:
    """The names in changes (fields, attributes, modules, weights), and the config fields that the source lines name."""
    words = {word for source in sources for word in re.findall(r"\w+", source.text)}
    named = [field for field in fields if field.rpartition(".")[2] in words]
    return list(dict.fromkeys([*(name for change in changes for name in _names(change)), *named]))


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key in _NAMING and isinstance(item, str):
                yield item
            else:
                yield from _names(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _names(item)


def same_facts(one: Any, other: Any) -> bool:
    """True for facts that nobody can tell apart: numbers that differ behind the sixth digit say the same."""
    return _rounded(one) == _rounded(other)


def _rounded(value: Any) -> str:
    def plain(item: Any) -> Any:
        if isinstance(item, dict):
            return {key: plain(part) for key, part in item.items()}
        if isinstance(item, (list, tuple)):
            return [plain(part) for part in item]
        return f"{item:.{_DIGITS}g}" if isinstance(item, float) else item

    return json.dumps(plain(value), sort_keys=True)
