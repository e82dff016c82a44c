"""JSON-RPC 2.0 over lines: reading, checking and writing messages. Imports only the standard library."""

from __future__ import annotations

import json
import math
import os
import sys
import threading
from collections.abc import Iterator
from typing import Any, BinaryIO

from lockstep_engine.errors import INVALID_REQUEST, PARSE_ERROR, EngineError

MAX_MESSAGE_BYTES = 64 * 1024 * 1024


def fix_hash_seed() -> None:
    """Restarts the interpreter with string hashing fixed: models that loop over a set of strings (layer types) would
    otherwise run their modules in another order in every process."""
    if os.environ.get("PYTHONHASHSEED") != "0":
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def claim_stdout() -> Channel:
    """Takes file descriptor 1 for messages and points stdout at stderr, so that prints of libraries do no harm."""
    messages = os.dup(1)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return Channel(os.fdopen(messages, "wb", buffering=0), sys.stdin.buffer)


class Channel:
    """One JSON message a line in both directions; sending is safe from any thread."""

    def __init__(self, output: BinaryIO, source: BinaryIO) -> None:
        self._output = output
        self._source = source
        self._lock = threading.Lock()

    def send(self, message: dict[str, Any]) -> None:
        """Writes one message. Raises ValueError for NaN or infinity: JSON has neither."""
        line = json.dumps({"jsonrpc": "2.0", **message}, allow_nan=False, separators=(",", ":")) + "\n"
        data = memoryview(line.encode("utf-8"))
        with self._lock:
            while data:
                data = data[self._output.write(data) :]

    def notify(self, method: str, params: dict[str, Any]) -> None:
        """Sends a notification."""
        self.send({"method": method, "params": params})

    def fail(self, request: Any, error: EngineError) -> None:
        """Answers `request` (an id, or None when it could not be read) with an error."""
        self.send({"id": request, "error": {"code": error.code, "message": str(error), "data": error.data}})

    def lines(self) -> Iterator[bytes]:
        """The lines of stdin until it closes; an oversize line is answered with an error and skipped."""
        while line := self._source.readline(MAX_MESSAGE_BYTES + 1):
            if len(line) > MAX_MESSAGE_BYTES:
                while line and not line.endswith(b"\n"):
                    line = self._source.readline(MAX_MESSAGE_BYTES)
                error = EngineError(
                    INVALID_REQUEST,
                    "the message is too long",
                    expected=f"a line of at most {MAX_MESSAGE_BYTES} bytes",
                    remedy="Send tensors as safetensors files in the spool directory.",
                )
                self.fail(None, error)
            elif line.strip():
                yield line


def parse_message(line: bytes) -> dict[str, Any]:
    """Parses one line to a request or notification. Raises EngineError for anything else, also for NaN and 1e999."""
    try:
        message = json.loads(line.decode("utf-8"), parse_constant=_refuse_constant, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise EngineError(PARSE_ERROR, f"not a JSON message: {error}", found=repr(line[:80])) from None
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0" or not isinstance(message.get("method"), str):
        raise EngineError(
            INVALID_REQUEST,
            "not a JSON-RPC 2.0 request",
            expected='an object with "jsonrpc": "2.0" and a "method"',
            found=repr(line[:80]),
        )
    return message


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is out of range")
    return value
