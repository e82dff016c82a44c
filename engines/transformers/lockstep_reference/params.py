"""Checks of request parameters (the counterpart of `harness/engine/protocol.ts`) and of the files that they name."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lockstep_reference.errors import INVALID_PARAMS, EngineError, bad_input

DTYPES = ("float32", "bfloat16", "float16")

Check = tuple[str, Callable[[Any], bool]]


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_phase_name(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[a-z_]+(:\d+)?", value) is not None


def _is_phase(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and set(value) - {"from"} == {"name", "start", "end", "cache"}
        and all(_is_phase_name(value[field]) for field in ("name", "from") if field in value)
        and _is_size(value["start"])
        and _is_size(value["end"])
        and value["start"] < value["end"]
        and isinstance(value["cache"], bool)
    )


def _is_fault(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {"module", "name"} and all(map(_is_text, value.values()))


def _is_batch(value: Any) -> bool:
    return value is None or (
        isinstance(value, dict)
        and set(value) == {"phase", "batch", "file", "taps"}
        and _is_text(value["phase"])
        and _is_text(value["file"])
        and isinstance(value["taps"], list)
        and all(isinstance(tap, dict) and set(tap) == {"site", "tensor"} for tap in value["taps"])
    )


_TEXT: Check = ("a string", _is_text)
_SIZE: Check = ("a whole number >= 0", _is_size)
_COUNT: Check = ("a whole number >= 1", lambda value: _is_size(value) and value >= 1)
_FLAG: Check = ("true or false", lambda value: isinstance(value, bool))
_OBJECT: Check = ("an object", lambda value: isinstance(value, dict))
_DTYPE: Check = (f"one of {', '.join(DTYPES)}", lambda value: value in DTYPES)
_FAULT: Check = ('{"module": file, "name": export}', _is_fault)
_PHASES: Check = (
    "phases [{name, start, end, cache, from?}], start < end",
    lambda value: isinstance(value, list) and len(value) > 0 and all(map(_is_phase, value)),
)
_IDS: Check = (
    "token ids, not empty",
    lambda value: isinstance(value, list) and len(value) > 0 and all(map(_is_size, value)),
)
_PATTERNS: Check = (
    "a list of site patterns",
    lambda value: isinstance(value, list) and all(map(_is_text, value)),
)
_NAMES: Check = (
    "a list of strings, not empty",
    lambda value: isinstance(value, list) and len(value) > 0 and all(map(_is_text, value)),
)
_SITES: Check = (
    "a list of {site, phase}",
    lambda value: (
        isinstance(value, list)
        and all(
            isinstance(one, dict) and set(one) == {"site", "phase"} and all(map(_is_text, one.values()))
            for one in value
        )
    ),
)
_POSITIVE: Check = (
    "a number > 0",
    lambda value: isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0,
)
_BATCH: Check = ("a batch of taps {phase, batch, file, taps}, or null", _is_batch)

_REQUIRED: dict[str, dict[str, Check]] = {
    "hello": {"protocol": _SIZE, "spool": _TEXT, "cache": _TEXT},
    "load": {"dtype": _DTYPE},
    "run": {"run": _TEXT, "inputs": _TEXT, "phases": _PHASES, "oracle": _FLAG, "credits": _COUNT},
    "shapes": {"config": _OBJECT, "inputs": _TEXT},
    "explain": {"site": _TEXT, "phases": _NAMES, "seconds": _POSITIVE},
    "power": {"site": _TEXT, "phases": _NAMES, "limit": _POSITIVE},
    "tokenize": {"checkpoint": _TEXT, "text": _TEXT},
    "generate": {"ids": _IDS, "max_new_tokens": _COUNT},
    "outline": {"model_type": _TEXT},
    "config_reads": {},
    "unload": {},
    "shutdown": {},
    "credit": {"run": _TEXT, "credits": _COUNT},
    "cancel": {"run": _TEXT},
    "feed": {"run": _TEXT, "batch": _BATCH},
}
_OPTIONAL: dict[str, dict[str, Check]] = {
    "load": {"checkpoint": _TEXT, "config": _OBJECT, "seed": _SIZE, "fault": _FAULT, "kv_budget_bytes": _SIZE},
    "run": {"sites": _PATTERNS, "replay": _FLAG, "explain": _SITES},
    "shapes": {"fault": _FAULT},
    "outline": {"architecture": _TEXT, "config": _OBJECT},
    "tokenize": {"chat": _FLAG},
}

METHODS = tuple(_REQUIRED)


def check_params(method: str, params: Any) -> dict[str, Any]:
    """Returns `params` when they fit `method` (one of METHODS). Raises EngineError naming the first that does not."""
    required, optional = _REQUIRED[method], _OPTIONAL.get(method, {})
    if not isinstance(params, dict):
        raise _invalid(method, "an object", type(params).__name__)
    for name, (expected, fits) in required.items():
        if name not in params:
            raise _invalid(f"{method}.{name}", expected, "nothing")
        if not fits(params[name]):
            raise _invalid(f"{method}.{name}", expected, repr(params[name])[:200])
    for name, value in params.items():
        if name not in required and name not in optional:
            raise _invalid(f"{method}.{name}", f"only {', '.join([*required, *optional]) or 'no parameters'}", name)
        if name in optional and not optional[name][1](value):
            raise _invalid(f"{method}.{name}", optional[name][0], repr(value)[:200])
    return params


def _invalid(where: str, expected: str, found: str) -> EngineError:
    message = f"bad parameters: {where} must be {expected}"
    return EngineError(INVALID_PARAMS, message, expected=expected, found=found, where=where)


def check_input_file(path: str, roots: tuple[Path, ...]) -> Path:
    """Returns `path` when it is a regular file, no symlink, inside one of the `roots`. Raises EngineError otherwise."""
    file = Path(os.path.normpath(path))
    # The directory may be reached through a symlink (/tmp is one on some systems), the file itself may not.
    real = Path(os.path.realpath(file.parent)) / file.name
    data = {"expected": f"a regular file inside {' or '.join(map(str, roots))}", "where": path}
    if not any(real.is_relative_to(os.path.realpath(root)) for root in roots):
        raise bad_input("the file lies outside the spool directory", **data)
    if real.is_symlink():
        raise bad_input("the file is a symlink", **data)
    if not real.is_file():
        raise bad_input("there is no such file", **data)
    return real
