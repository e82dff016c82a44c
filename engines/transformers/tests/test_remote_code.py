"""Nothing that a checkpoint brings along is run: said at every call that loads something, and tried."""

from __future__ import annotations

import ast
import json
import re
import tempfile
import unittest
from collections.abc import Iterator
from pathlib import Path

import torch
from bench import LLAMA

from lockstep_engine.errors import EngineError
from lockstep_reference.build import build_checkpoint
from lockstep_reference.checkpoint import load_model
from lockstep_reference.text import load_tokenizer

ROOT = Path(__file__).resolve().parents[3]
FOLDERS = ("engines", "harness", "tests", "examples", "cases", "docs")
# Packages, and the copies of pages that the site is built from.
GENERATED = {"node_modules", "pages"}
LOADERS = ("from_pretrained", "from_config")


def loading_calls(source: str) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LOADERS:
            yield node


def refuses_code(call: ast.Call) -> bool:
    named = {word.arg: word.value for word in call.keywords}
    value = named.get("trust_remote_code")
    return isinstance(value, ast.Constant) and value.value is False


def python_sources() -> Iterator[tuple[str, str]]:
    for folder in FOLDERS:
        for file in sorted((ROOT / folder).rglob("*.py")):
            if not GENERATED & {*file.parts}:
                yield str(file.relative_to(ROOT)), file.read_text(encoding="utf-8")
        for file in sorted((ROOT / folder).rglob("*.md")):
            if not GENERATED & {*file.parts}:
                for block in re.findall(r"```(?:py|python)\n(.*?)```", file.read_text(encoding="utf-8"), re.DOTALL):
                    yield str(file.relative_to(ROOT)), block


class Said(unittest.TestCase):
    def test_every_call_that_loads_something_refuses_code(self) -> None:
        calls = [(name, call) for name, source in python_sources() for call in loading_calls(source)]
        self.assertGreater(len(calls), 5)
        self.assertEqual([f"{name}:{call.lineno}" for name, call in calls if not refuses_code(call)], [])

    def test_a_call_that_does_not_would_be_seen(self) -> None:
        for word in ("", ", trust_remote_code=True", ", trust_remote_code=trust", ", **words"):
            (call,) = loading_calls(f"AutoConfig.from_pretrained(here{word})")
            self.assertFalse(refuses_code(call))


class Tried(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.ran = self.folder / "ran"
        self.checkpoint = self.folder / "checkpoint"
        self.checkpoint.mkdir()
        (self.checkpoint / "evil.py").write_text(f"open({str(self.ran)!r}, 'w')\n", encoding="utf-8")

    def write(self, name: str, content: object) -> None:
        (self.checkpoint / name).write_text(json.dumps(content), encoding="utf-8")

    def test_a_tokenizer_that_is_code_is_refused_and_nobody_is_advised_to_run_it(self) -> None:
        self.write("tokenizer.json", {})
        self.write("config.json", {"model_type": "of_its_own", "auto_map": {"AutoConfig": "evil.Config"}})
        self.write(
            "tokenizer_config.json",
            {"tokenizer_class": "Evil", "auto_map": {"AutoTokenizer": ["evil.Evil", "evil.Evil"]}},
        )
        with self.assertRaises(EngineError) as caught:
            load_tokenizer(self.checkpoint)
        self.assertNotIn("trust", f"{caught.exception} {caught.exception.data}")
        self.assertFalse(self.ran.exists())

    def test_a_model_with_code_beside_it_is_loaded_without_that(self) -> None:
        built = build_checkpoint(LLAMA, 0, self.folder / "cache").directory
        config = {**LLAMA, "auto_map": {"AutoConfig": "evil.Config", "AutoModelForCausalLM": "evil.Model"}}
        self.write("config.json", config)
        self.write("generation_config.json", {"custom_generate": "evil"})
        (self.checkpoint / "model.safetensors").write_bytes((built / "model.safetensors").read_bytes())
        load_model(self.checkpoint, torch.float32)
        self.assertFalse(self.ran.exists())


if __name__ == "__main__":
    unittest.main()
