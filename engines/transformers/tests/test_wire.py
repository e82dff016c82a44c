import json
import os
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path
from typing import Any

from bench import LLAMA, text_inputs
from safetensors.torch import save_file

from lockstep_reference.checkpoint import weights_sha256

PACKAGE = Path(__file__).resolve().parents[1]


class Process:
    """The engine as a process."""

    def __init__(self, directory: Path) -> None:
        self.spool, self.cache = directory / "spool", directory / "cache"
        self.spool.mkdir()
        self.cache.mkdir()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "lockstep_reference"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(PACKAGE)},
        )

    def send(self, line: str) -> None:
        self.process.stdin.write(f"{line}\n".encode())
        self.process.stdin.flush()

    def receive(self) -> dict[str, Any]:
        return json.loads(self.process.stdout.readline())

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        self.send(json.dumps({"jsonrpc": "2.0", "id": method, "method": method, "params": params}))
        return self.receive()

    def hello(self, **changes: Any) -> dict[str, Any]:
        return self.call("hello", **{"protocol": 1, "spool": str(self.spool), "cache": str(self.cache), **changes})


class Wire(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.directory = tempfile.TemporaryDirectory()
        cls.engine = Process(Path(cls.directory.name))
        start = time.monotonic()
        cls.greeting = cls.engine.hello()
        cls.greeted = time.monotonic() - start
        cls.loaded = cls.engine.call("load", config=LLAMA, seed=1, dtype="float32")
        cls.inputs = cls.engine.spool / "inputs.safetensors"
        save_file(text_inputs(), cls.inputs)

    @classmethod
    def tearDownClass(cls) -> None:
        cls.engine.process.stdin.close()
        assert cls.engine.process.wait(10) == 0
        cls.engine.process.stdout.close()
        cls.directory.cleanup()

    def start(self, **changes: Any) -> None:
        phases = [{"name": "full", "start": 0, "end": 24, "cache": False}]
        params = {"run": "r", "inputs": str(self.inputs), "phases": phases, "oracle": False, "credits": 1, **changes}
        self.engine.send(json.dumps({"jsonrpc": "2.0", "id": "run", "method": "run", "params": params}))

    def refused(self, **changes: Any) -> dict[str, Any]:
        self.start(**changes)
        return self.engine.receive()["error"]

    def test_hello_does_not_wait_for_torch(self) -> None:
        self.assertLess(self.greeted, 2)
        self.assertEqual(self.greeting["result"]["versions"]["transformers"], self.greeting["result"]["version"])

    def test_load_names_the_weights(self) -> None:
        directory = Path(self.loaded["result"]["checkpoint"])
        self.assertEqual(json.loads((directory / "config.json").read_text()), LLAMA)
        self.assertEqual(self.loaded["result"]["weights_sha256"], weights_sha256([directory / "model.safetensors"]))

    def test_messages_that_are_not_requests(self) -> None:
        for line, code in [
            ("{", -32700),
            ('{"jsonrpc":"2.0","id":1,"method":"hello","params":{"protocol":NaN}}', -32700),
            ('{"jsonrpc":"2.0","id":1,"method":"hello","params":{"protocol":1e999}}', -32700),
            ("[1]", -32600),
            ('{"jsonrpc":"2.0","id":1,"method":"fly"}', -32601),
            ('{"jsonrpc":"2.0","id":1,"method":"load","params":{"dtype":"int4"}}', -32602),
            ('{"jsonrpc":"2.0","id":1,"method":"unload","params":{"now":true}}', -32602),
        ]:
            with self.subTest(line):
                self.engine.send(line)
                self.assertEqual(self.engine.receive()["error"]["code"], code)

    def test_an_oversize_line_is_skipped(self) -> None:
        self.engine.send("x" * (64 * 1024 * 1024 + 1))
        self.assertEqual(self.engine.receive()["error"]["code"], -32600)
        self.assertIn("result", self.engine.hello())

    def test_another_protocol_version_is_refused(self) -> None:
        self.assertEqual(self.engine.hello(protocol=2)["error"]["data"]["expected"], "1")

    def test_files_outside_and_symlinks_are_refused(self) -> None:
        outside = Path(self.directory.name) / "outside.safetensors"
        save_file(text_inputs(), outside)
        link = self.engine.spool / "link.safetensors"
        link.symlink_to(self.inputs)
        dotted = f"{self.engine.spool}/../outside.safetensors"
        for path in (str(outside), str(link), dotted, str(self.engine.spool), "inputs.safetensors"):
            with self.subTest(path):
                self.assertEqual(self.refused(inputs=path)["code"], -32002)

    def test_a_phase_beyond_the_tokens_is_refused(self) -> None:
        error = self.refused(phases=[{"name": "full", "start": 0, "end": 25, "cache": False}])
        self.assertEqual((error["code"], error["data"]["found"]), (-32002, "25"))

    def test_a_run_waits_for_credit(self) -> None:
        self.start()
        self.assertEqual(self.engine.receive()["params"]["batch"], 0)
        time.sleep(0.2)
        self.assertEqual(len(list(self.engine.spool.glob("r.*"))), 1)
        self.engine.send('{"jsonrpc":"2.0","method":"credit","params":{"run":"r","credits":9}}')
        self.assertEqual([self.engine.receive()["params"]["batch"] for _ in range(2)], [1, 2])
        self.assertEqual(self.engine.receive()["result"]["batches"], 3)

    def test_a_run_can_be_cancelled(self) -> None:
        self.start()
        self.engine.receive()
        self.engine.send('{"jsonrpc":"2.0","method":"cancel","params":{"run":"r"}}')
        self.assertEqual(self.engine.receive()["error"]["code"], -32003)


if __name__ == "__main__":
    unittest.main()
