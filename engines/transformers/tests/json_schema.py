"""As much of JSON Schema as the published schemas of facts use; a keyword that is not known here is an error."""

from __future__ import annotations

import math
from typing import Any

_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "boolean": bool,
    "object": dict,
    "array": (list, tuple),
    "null": type(None),
}
# Read together with others, or of no matter here.
_IGNORED = {"properties", "required", "additionalProperties", "prefixItems", "id", "default"}


def problems(value: Any, schema: Any, root: dict[str, Any], at: str = "") -> list[str]:
    """What is wrong with `value`, each with its place; nothing where it is as `schema`, a part of `root`, says."""
    if isinstance(schema, bool):
        return [] if schema else [f"{at}: is one too many"]
    found = []
    for keyword, wanted in schema.items():
        if keyword == "items":
            found += _items(schema, value, root, at)
        elif keyword not in _IGNORED:
            found += _one(keyword, wanted, value, root, at)
    if isinstance(value, dict) and "properties" in schema:
        found += [f"{at}: lacks {name}" for name in schema.get("required", []) if name not in value]
        for name, item in value.items():
            if name in schema["properties"]:
                found += problems(item, schema["properties"][name], root, f"{at}.{name}")
            elif schema.get("additionalProperties") is False:
                found.append(f"{at}: has {name}")
    return found


def _items(schema: dict[str, Any], value: Any, root: dict[str, Any], at: str) -> list[str]:
    if not isinstance(value, (list, tuple)):
        return []
    first = schema.get("prefixItems", [])
    schemas = [*first, *[schema["items"]] * (len(value) - len(first))]
    pairs = enumerate(zip(value, schemas, strict=False))
    return [text for place, (item, one) in pairs for text in problems(item, one, root, f"{at}[{place}]")]


def _one(keyword: str, wanted: Any, value: Any, root: dict[str, Any], at: str) -> list[str]:
    if keyword == "$ref":
        target: Any = root
        for name in wanted.removeprefix("#/").split("/"):
            target = target[name]
        return problems(value, target, root, at)
    if keyword in ("anyOf", "oneOf"):
        each = [problems(value, option, root, at) for option in wanted]
        # Of a union the option that was meant, by its kind; else the nearest one.
        meant = [found for found in each if not any(text.startswith(f"{at}.kind") for text in found)]
        return [] if [] in each else min(meant or each, key=len)
    return [] if _holds(keyword, wanted, value) else [f"{at}: {value!r} against {keyword} {wanted!r}"]


def _holds(keyword: str, wanted: Any, value: Any) -> bool:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if keyword == "type" and wanted in ("number", "integer"):
        return is_number and math.isfinite(value) and (wanted == "number" or value == int(value))
    checks = {
        "type": lambda: isinstance(value, _TYPES[wanted]),
        "const": lambda: value == wanted,
        "enum": lambda: value in wanted,
        "minimum": lambda: not is_number or value >= wanted,
        "maximum": lambda: not is_number or value <= wanted,
        "exclusiveMinimum": lambda: not is_number or value > wanted,
        "minItems": lambda: len(value) >= wanted,
        "maxItems": lambda: len(value) <= wanted,
    }
    return bool(checks[keyword]())
