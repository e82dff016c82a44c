"""Parameters of requests and notifications, checked against the published schema of the protocol."""

from __future__ import annotations

from typing import Any

from lockstep_engine.errors import INVALID_PARAMS, EngineError
from lockstep_engine.schema import find_problem, read_schema

_SCHEMA = read_schema()
# What the engine itself sends is no method of it.
NOTIFICATIONS = tuple(name for name in _SCHEMA["notifications"] if name != "taps")
REQUESTS = tuple(_SCHEMA["methods"])
METHODS = (*REQUESTS, *NOTIFICATIONS)


def check_params(method: str, params: Any) -> dict[str, Any]:
    """Returns `params` when they fit `method` (one of METHODS). Raises EngineError naming the first that does not."""
    schema = _SCHEMA["methods"][method]["params"] if method in REQUESTS else _SCHEMA["notifications"][method]
    problem = find_problem(schema, params, method)
    if problem is not None:
        raise _invalid(*problem)
    for index, phase in enumerate(params["phases"] if method == "run" else ()):
        if phase["start"] >= phase["end"]:
            where, found = f"run.phases[{index}]", f"{phase['start']} .. {phase['end']}"
            raise _invalid(where, "a phase with start < end", found)
    return params


def _invalid(where: str, expected: str, found: str) -> EngineError:
    message = f"bad parameters: {where} must be {expected}"
    return EngineError(INVALID_PARAMS, message, expected=expected, found=found, where=where)
