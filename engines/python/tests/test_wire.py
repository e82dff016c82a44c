"""The wire and the server, through an engine that runs as a process and needs no framework."""

from __future__ import annotations

import json
import os
import tempfile
import time
import unittest
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file
from support import PHASE, Process

INPUTS = {"input_ids": np.array([[1, 2, 3, 4], [0, 5, 6, 7]]), "attention_mask": np.array([[1] * 4, [0, 1, 1, 1]])}


class Wire(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.directory = tempfile.TemporaryDirectory()
        cls.engine = Process(Path(cls.directory.name))
        cls.greeting = cls.engine.hello()
        cls.inputs = cls.engine.spool / "inputs.safetensors"
        save_file(INPUTS, cls.inputs)

    @classmethod
    def tearDownClass(cls) -> None:
        cls.engine.close()
        cls.directory.cleanup()

    def start(self, **changes: Any) -> None:
        params = {"run": "r", "inputs": str(self.inputs), "phases": [PHASE], "oracle": False, "credits": 9, **changes}
        self.engine.send(json.dumps({"jsonrpc": "2.0", "id": "run", "method": "run", "params": params}))

    def refused(self, **changes: Any) -> dict[str, Any]:
        self.start(**changes)
        return self.engine.receive()["error"]

    def finished(self, **changes: Any) -> tuple[dict[str, np.ndarray], list[dict[str, Any]], dict[str, Any]]:
        self.start(**changes)
        taps: dict[str, np.ndarray] = {}
        batches: list[dict[str, Any]] = []
        while "params" in (message := self.engine.receive()):
            batches.append(message["params"])
            file = Path(message["params"]["file"])
            tensors = load_file(file)
            file.unlink()
            taps |= {tap["site"]: tensors[tap["tensor"]] for tap in message["params"]["taps"]}
        return taps, batches, message

    def test_hello_names_the_engine_and_imports_no_framework(self) -> None:
        result = self.greeting["result"]
        self.assertEqual((result["name"], result["versions"]["torch imported"]), ("tiny", "False"))
        self.assertEqual(result["versions"]["numpy"], np.__version__)

    def test_messages_that_are_not_requests(self) -> None:
        for line, code in [
            ("{", -32700),
            ('{"jsonrpc":"2.0","id":1,"method":"hello","params":{"protocol":NaN}}', -32700),
            ('{"jsonrpc":"2.0","id":1,"method":"hello","params":{"protocol":1e999}}', -32700),
            ("[1]", -32600),
            ('{"jsonrpc":"2.0","method":"unload"}', -32600),
            ('{"jsonrpc":"2.0","id":1,"method":"cancel","params":{"run":"r"}}', -32600),
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

    def test_what_an_adapter_raises_is_an_error_with_a_place(self) -> None:
        missing = self.engine.call("load", checkpoint="/no/such", dtype="float32")["error"]
        self.assertEqual((missing["code"], missing["data"]["where"]), (-32002, "/no/such"))
        crash = self.engine.call("load", checkpoint="crash", dtype="float32")["error"]
        self.assertEqual((crash["code"], crash["message"]), (-32603, "ZeroDivisionError: a crash"))
        self.assertRegex(crash["data"]["where"], r"^tiny_engine\.py:\d+ in load$")

    def test_what_an_adapter_does_not_offer_is_unsupported(self) -> None:
        self.assertEqual(self.engine.call("tokenize", checkpoint="x", text="y")["error"]["code"], -32001)
        self.assertEqual(self.engine.call("config_reads")["result"], {"reads": []})

    def test_files_outside_and_symlinks_are_refused(self) -> None:
        outside = Path(self.directory.name) / "outside.safetensors"
        save_file(INPUTS, outside)
        link = self.engine.spool / "link.safetensors"
        link.symlink_to(self.inputs)
        dotted = f"{self.engine.spool}/../outside.safetensors"
        for path in (str(outside), str(link), dotted, str(self.engine.spool), "inputs.safetensors"):
            with self.subTest(path):
                self.assertEqual(self.refused(inputs=path)["code"], -32002)

    def test_what_is_no_whole_regular_file_is_refused_before_it_is_read(self) -> None:
        spool = self.engine.spool
        os.mkfifo(spool / "pipe.safetensors")
        with (spool / "sparse.safetensors").open("wb") as sparse:
            sparse.truncate(3 * 2**30)
        (spool / "header.safetensors").write_bytes(b"\xff" * 64)
        (spool / "short.safetensors").write_bytes(b"\x01")
        for name in ("pipe", "sparse", "header", "short", "none", "x" * 5000):
            with self.subTest(name):
                self.assertEqual(self.refused(inputs=str(spool / f"{name}.safetensors"))["code"], -32002)

    def test_a_run_whose_name_is_no_file_name_is_refused(self) -> None:
        self.assertEqual(self.refused(run="../r")["data"]["where"], "run.run")

    def test_phases_that_can_not_be_are_refused(self) -> None:
        beyond = self.refused(phases=[{**PHASE, "end": 5}])
        self.assertEqual((beyond["code"], beyond["data"]["found"]), (-32002, "5"))
        empty = self.refused(phases=[{**PHASE, "end": 0}])
        self.assertEqual((empty["code"], empty["data"]["where"]), (-32602, "run.phases[0]"))

    def test_taps_are_copies_in_order(self) -> None:
        taps, batches, answer = self.finished()
        ends = [f"model.layers.{layer}:{port}" for layer in range(3) for port in ("in", "out")]
        self.assertEqual(list(taps), ["inputs#position_ids", *ends, "logits"])
        self.assertEqual(taps["inputs#position_ids"].tolist(), [[0, 1, 2, 3], [0, 0, 1, 2]])
        self.assertEqual([taps[f"model.layers.{layer}:in"][0, 1] for layer in range(3)], [2, 4, 8])
        self.assertEqual([batch["batch"] for batch in batches], [0, 1, 2, 3])
        self.assertEqual(answer["result"], {"run": "r", "batches": 4, "taps": 8})

    def test_sites_are_filtered_by_patterns(self) -> None:
        self.assertEqual(
            list(self.finished(sites=["*.1:*", "logits"])[0]), ["model.layers.1:in", "model.layers.1:out", "logits"]
        )

    def test_a_run_waits_for_credit(self) -> None:
        self.start(credits=1)
        self.assertEqual(self.engine.receive()["params"]["batch"], 0)
        time.sleep(0.1)
        # A second batch would come before the answer.
        self.assertIn("result", self.engine.hello())
        self.assertEqual(len(list(self.engine.spool.glob("r.*"))), 1)
        self.engine.notify("credit", run="r", credits=9)
        self.assertEqual([self.engine.receive()["params"]["batch"] for _ in range(3)], [1, 2, 3])
        self.assertEqual(self.engine.receive()["result"]["batches"], 4)

    def test_a_run_can_be_cancelled_and_its_name_used_again(self) -> None:
        self.start(credits=1)
        self.engine.receive()
        self.start(credits=1)
        self.assertEqual(self.engine.receive()["error"]["message"], "a run of this name is under way")
        self.engine.notify("cancel", run="r")
        self.assertEqual(self.engine.receive()["error"]["code"], -32003)
        self.assertEqual(self.finished()[2]["result"]["taps"], 8)


if __name__ == "__main__":
    unittest.main()
