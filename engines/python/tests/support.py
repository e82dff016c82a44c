"""An engine of numpy arrays as a process, and one that needs no process: what the tests of lockstep_engine share."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PACKAGE = HERE.parent
sys.path.insert(0, str(PACKAGE))

PHASE = {"name": "full", "start": 0, "end": 4, "cache": False}


class Process:
    """The engine of `tiny_engine.py` as a process, with a spool and a cache directory."""

    def __init__(self, directory: Path) -> None:
        self.spool, self.cache = directory / "spool", directory / "cache"
        self.spool.mkdir()
        self.cache.mkdir()
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "tiny_engine.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(PACKAGE)},
        )

    def send(self, line: str) -> None:
        """Writes one line."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n".encode())
        self.process.stdin.flush()

    def notify(self, method: str, **params: Any) -> None:
        """Sends a notification."""
        self.send(json.dumps({"jsonrpc": "2.0", "method": method, "params": params}))

    def receive(self) -> dict[str, Any]:
        """The next message."""
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Sends a request and waits for its answer."""
        self.send(json.dumps({"jsonrpc": "2.0", "id": method, "method": method, "params": params}))
        return self.receive()

    def hello(self, **changes: Any) -> dict[str, Any]:
        """Greets the engine."""
        return self.call("hello", **{"protocol": 1, "spool": str(self.spool), "cache": str(self.cache), **changes})

    def close(self) -> None:
        """Closes stdin; the process ends with exit code 0."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        assert self.process.wait(10) == 0
        self.process.stdout.close()
