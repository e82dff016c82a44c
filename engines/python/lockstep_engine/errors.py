"""The one exception type that travels over the wire, with the codes of docs/protocol.md."""

from __future__ import annotations

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL = -32603
UNSUPPORTED = -32001
BAD_INPUT = -32002
CANCELLED = -32003
ENVIRONMENT = -32004


class EngineError(Exception):
    """A JSON-RPC error. `data` says what was expected and found, where, and what to do."""

    def __init__(
        self,
        code: int,
        message: str,
        *,
        expected: str | None = None,
        found: str | None = None,
        where: str | None = None,
        remedy: str | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        given = {"expected": expected, "found": found, "where": where, "remedy": remedy}
        self.data = {key: value for key, value in given.items() if value is not None}


def unsupported(message: str, **data: str) -> EngineError:
    """An error for what this engine does not implement (-32001)."""
    return EngineError(UNSUPPORTED, message, **data)


def bad_input(message: str, **data: str) -> EngineError:
    """An error for a file or value that the caller must mend (-32002)."""
    return EngineError(BAD_INPUT, message, **data)
