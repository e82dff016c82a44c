"""Which module reads which config field."""

from __future__ import annotations

import copy
import unittest
from typing import Any

import support  # noqa: F401 - sets the import path

from lockstep_engine.reads import ReadRecorder, RecordingDict, recorded


class Module:
    """A module of no framework."""

    def __init__(self, config: dict[str, Any], depth: int = 0) -> None:
        self.size = config["text"]["hidden_size"] if depth else config.get("absent")
        self.child = Module(config, 1) if depth == 0 else None
        self.config = config

    def named_modules(self) -> list[tuple[str, Module]]:
        return [("", self), *([("child", self.child)] if self.child else [])]

    def forward(self) -> Any:
        return self.config["eps"]


class Reads(unittest.TestCase):
    def test_are_noted_under_the_module_that_reads(self) -> None:
        recorder = ReadRecorder()
        config = recorded({"text": {"hidden_size": 4}, "eps": 1e-5}, recorder, Module)
        self.assertEqual(config["eps"], 1e-5)
        model = Module(config)
        recorder.name_modules(model)
        model.forward()
        recorder.name_modules(model)
        expected = [("", "absent"), ("child", "text.hidden_size"), ("", "eps")]
        self.assertEqual([(read["scope"], read["field"]) for read in recorder.reads()], expected)

    def test_a_write_reaches_the_original_and_a_copy_records_nothing(self) -> None:
        noted: list[str] = []
        original: dict[str, Any] = {"a": 1}
        config = RecordingDict(original, noted.append)
        config["b"] = 2
        self.assertEqual(original, {"a": 1, "b": 2})
        self.assertEqual((type(copy.deepcopy(config)), noted), (dict, []))


if __name__ == "__main__":
    unittest.main()
