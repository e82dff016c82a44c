"""What lies in the cache is used only as it was drawn: it is checked, and drawn again where it was changed."""

from __future__ import annotations

import json
import os
import tempfile
import unittest
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import LLAMA
from safetensors.torch import load_file, save_file

from lockstep_reference.build import build_checkpoint
from lockstep_reference.cached import CHECKSUMS, CONFIG, WEIGHTS, tensor_sums


def rewrite(file: Path, content: bytes) -> None:
    file.chmod(0o644)
    file.write_bytes(content)


class Cached(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.cache = Path(folder.name)
        self.directory = build_checkpoint(LLAMA, 0, self.cache).directory
        self.content = (self.directory / WEIGHTS).read_bytes()

    def check_redrawn(self, pattern: str, change: Callable[[], Any]) -> None:
        change()
        built = build_checkpoint(LLAMA, 0, self.cache)
        self.assertEqual(built.directory, self.directory)
        self.assertRegex(built.redrawn or "", pattern)
        self.assertEqual((self.directory / WEIGHTS).read_bytes(), self.content)
        self.assertEqual(sorted(os.listdir(self.directory)), sorted((CONFIG, WEIGHTS, CHECKSUMS)))
        self.assertEqual(os.listdir(self.cache / "checkpoints"), [self.directory.name])
        self.assertIsNone(build_checkpoint(LLAMA, 0, self.cache).redrawn)

    def test_an_untouched_one_is_taken_as_it_is(self) -> None:
        before = (self.directory / WEIGHTS).stat()
        self.assertIsNone(build_checkpoint(LLAMA, 0, self.cache).redrawn)
        self.assertEqual((self.directory / WEIGHTS).stat().st_ino, before.st_ino)

    def test_its_files_are_read_only(self) -> None:
        for name in (CONFIG, WEIGHTS, CHECKSUMS):
            self.assertEqual((self.directory / name).stat().st_mode & 0o777, 0o444)

    def test_one_zeroed_tensor_is_found(self) -> None:
        def zero() -> None:
            tensors = load_file(self.directory / WEIGHTS)
            tensors["model.norm.weight"].zero_()
            os.remove(self.directory / WEIGHTS)
            save_file(tensors, self.directory / WEIGHTS, metadata={"format": "pt"})

        self.check_redrawn(r"^1 tensors were changed, model\.norm\.weight", zero)

    def test_one_flipped_bit_is_found(self) -> None:
        flipped = bytearray(self.content)
        flipped[-1] ^= 1
        self.check_redrawn("^1 tensors were changed", lambda: rewrite(self.directory / WEIGHTS, bytes(flipped)))

    def test_a_tensor_too_many_or_too_few_is_found(self) -> None:
        def save(tensors: dict[str, Any]) -> None:
            os.remove(self.directory / WEIGHTS)
            save_file(tensors, self.directory / WEIGHTS, metadata={"format": "pt"})

        whole = load_file(self.directory / WEIGHTS)
        self.check_redrawn("^1 tensors", lambda: save({**whole, "more": whole["model.norm.weight"].clone()}))
        self.check_redrawn("^1 tensors", lambda: save({k: v for k, v in whole.items() if k != "model.norm.weight"}))

    def test_a_file_that_is_cut_off_emptied_or_gone_is_found(self) -> None:
        weights = self.directory / WEIGHTS
        for content in (self.content[:-8], self.content[:5], b"", b"\xff" * 64, b"\x02" + b"\0" * 7 + b"[]"):
            self.check_redrawn("read", lambda content=content: rewrite(weights, content))
        self.check_redrawn("^it holds", weights.unlink)

    def test_another_config_is_found(self) -> None:
        other = json.dumps({**LLAMA, "rms_norm_eps": 0.5}).encode()
        self.check_redrawn("config.json was changed", lambda: rewrite(self.directory / CONFIG, other))
        self.check_redrawn("can't be read", lambda: rewrite(self.directory / CONFIG, b"{"))

    def test_a_file_beside_it_is_found(self) -> None:
        for name in ("adapter_config.json", "generation_config.json", "model.safetensors.index.json"):
            file = self.directory / name
            self.check_redrawn("^it holds", lambda file=file: file.write_text("{}"))

    def test_one_without_checksums_or_with_others_is_not_taken(self) -> None:
        sums = self.directory / CHECKSUMS
        self.check_redrawn("no checksums", sums.unlink)
        for content in (b"{}", b"[]", b"null", b"\xff", b'{"config": 1, "tensors": []}'):
            self.check_redrawn(".", lambda content=content: rewrite(sums, content))

    def test_the_sum_of_a_tensor_is_of_its_dtype_shape_and_bytes(self) -> None:
        sums = tensor_sums(self.directory / WEIGHTS)
        self.assertEqual(set(sums), set(load_file(self.directory / WEIGHTS)))
        self.assertGreater(len(set(sums.values())), 1)


if __name__ == "__main__":
    unittest.main()
