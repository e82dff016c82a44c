"""The reference as a process: what `hello` and `load` say. The wire itself is tested in engines/python/tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path
from typing import Any

from bench import LLAMA
from packages import PACKAGES

from lockstep_engine.checkpoint import weights_sha256


class Serve(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.directory = tempfile.TemporaryDirectory()
        cls.process = subprocess.Popen(
            [sys.executable, "-m", "lockstep_reference"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(PACKAGES)},
        )
        start = time.monotonic()
        cls.greeting = cls.call("hello", protocol=1, spool=cls.directory.name, cache=cls.directory.name)
        cls.greeted = time.monotonic() - start

    @classmethod
    def tearDownClass(cls) -> None:
        cls.process.stdin.close()
        assert cls.process.wait(30) == 0
        cls.process.stdout.close()
        cls.directory.cleanup()

    @classmethod
    def call(cls, method: str, **params: Any) -> dict[str, Any]:
        message = {"jsonrpc": "2.0", "id": method, "method": method, "params": params}
        cls.process.stdin.write(f"{json.dumps(message)}\n".encode())
        cls.process.stdin.flush()
        return json.loads(cls.process.stdout.readline())

    def test_hello_does_not_wait_for_torch(self) -> None:
        self.assertLess(self.greeted, 2)
        self.assertEqual(self.greeting["result"]["versions"]["transformers"], self.greeting["result"]["version"])

    def test_load_names_the_weights(self) -> None:
        loaded = self.call("load", config=LLAMA, seed=1, dtype="float32")["result"]
        directory = Path(loaded["checkpoint"])
        self.assertEqual(json.loads((directory / "config.json").read_text()), LLAMA)
        self.assertEqual(loaded["weights_sha256"], weights_sha256([directory / "model.safetensors"]))


if __name__ == "__main__":
    unittest.main()
