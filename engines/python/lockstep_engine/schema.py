"""Checks a JSON value against a JSON Schema: the part of the language that the published protocol uses.

`protocol.schema.json` beside this file is a copy of docs/protocol.schema.json; `npm run schemas` writes both.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import Any, NamedTuple

_SAYS_NOTHING = {"$schema", "default", "propertyNames"}
_KNOWN = {
    *_SAYS_NOTHING,
    *("type", "properties", "required", "additionalProperties", "items", "minItems", "enum", "pattern", "anyOf"),
    *("minimum", "maximum", "exclusiveMinimum"),
}
_TYPES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "string": ("a string", lambda value: isinstance(value, str)),
    "boolean": ("true or false", lambda value: isinstance(value, bool)),
    "integer": ("a whole number", lambda value: isinstance(value, int) and not isinstance(value, bool)),
    "number": ("a number", lambda value: isinstance(value, (int, float)) and not isinstance(value, bool)),
    "object": ("an object", lambda value: isinstance(value, dict)),
    "array": ("a list", lambda value: isinstance(value, list)),
    "null": ("null", lambda value: value is None),
}


class Problem(NamedTuple):
    """The first place where a value is not what its schema asks for."""

    where: str
    expected: str
    found: str


def read_schema() -> dict[str, Any]:
    """The published schema of the protocol: `methods`, `notifications`, `error_codes`, `error_data`."""
    return json.loads(files("lockstep_engine").joinpath("protocol.schema.json").read_text(encoding="utf-8"))


def find_problem(schema: dict[str, Any], value: Any, where: str) -> Problem | None:
    """The first problem of `value`, which stands at `where`; None when it fits.

    Raises ValueError for a schema with a keyword that is not known here: it would go unchecked.
    """
    unknown = schema.keys() - _KNOWN
    if unknown:
        raise ValueError(f"{where}: the schema has keywords that are not known here: {', '.join(sorted(unknown))}")
    return next(_problems(schema, value, where), None)


def describe(schema: dict[str, Any]) -> str:
    """In words, what a schema asks for: "a whole number >= 1", "one of float32, bfloat16"."""
    if "enum" in schema:
        return f"one of {', '.join(map(str, schema['enum']))}"
    if "anyOf" in schema:
        return " or ".join(describe(one) for one in schema["anyOf"])
    kind = schema.get("type", "")
    if kind == "object" and "properties" in schema:
        names = [name if name in schema.get("required", ()) else f"{name}?" for name in schema["properties"]]
        return f"an object {{{', '.join(names)}}}"
    if kind == "array":
        of = describe(schema["items"]) if "items" in schema else "anything"
        return f"a list of {of}{', not empty' if schema.get('minItems') else ''}"
    text = _TYPES[kind][0] if kind else "anything"
    if "minimum" in schema:
        text += f" >= {schema['minimum']}"
    if "exclusiveMinimum" in schema:
        text += f" > {schema['exclusiveMinimum']}"
    return f"{text} like {schema['pattern']}" if "pattern" in schema else text


def _problems(schema: dict[str, Any], value: Any, where: str) -> Iterator[Problem]:
    wrong = Problem(where, describe(schema), repr(value)[:200])
    if "anyOf" in schema:
        choices = [find_problem(one, value, where) for one in schema["anyOf"]]
        if all(choices):
            # Of an object or a list the place inside tells more than the whole.
            yield next((problem for problem in choices if problem is not None and problem.where != where), wrong)
        return
    kind = schema.get("type")
    if (kind is not None and not _TYPES[kind][1](value)) or ("enum" in schema and value not in schema["enum"]):
        yield wrong
    elif isinstance(value, str):
        if "pattern" in schema and re.search(schema["pattern"], value) is None:
            yield wrong
    elif isinstance(value, (int, float)):
        if not _in_range(schema, value):
            yield wrong
    elif isinstance(value, list):
        if len(value) < schema.get("minItems", 0):
            yield wrong
        for index, item in enumerate(value if "items" in schema else ()):
            yield from _problems(schema["items"], item, f"{where}[{index}]")
    elif isinstance(value, dict):
        yield from _problems_of_object(schema, value, where)


def _in_range(schema: dict[str, Any], value: float) -> bool:
    above = "exclusiveMinimum" not in schema or value > schema["exclusiveMinimum"]
    return above and schema.get("minimum", value) <= value <= schema.get("maximum", value)


def _problems_of_object(schema: dict[str, Any], value: dict[str, Any], where: str) -> Iterator[Problem]:
    properties, others = schema.get("properties", {}), schema.get("additionalProperties", {})
    for name in schema.get("required", ()):
        if name not in value:
            yield Problem(f"{where}.{name}", describe(properties[name]), "nothing")
    for name, item in value.items():
        if name in properties:
            yield from _problems(properties[name], item, f"{where}.{name}")
        elif others is False:
            yield Problem(f"{where}.{name}", f"only {', '.join(properties) or 'no parameters'}", name)
        else:
            yield from _problems(others, item, f"{where}.{name}")
