"""Inputs files and phases."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path

import numpy as np
import support  # noqa: F401 - sets the import path
from safetensors.numpy import save_file

from lockstep_engine.errors import EngineError
from lockstep_engine.inputs import position_ids, read_tensors
from lockstep_engine.phases import Phase, check_phases

IDS = np.arange(8).reshape(2, 4)


def phase(name: str, start: int, end: int, origin: str | None = None) -> Phase:
    """A phase with cache."""
    return Phase(name, start, end, True, origin)


class Inputs(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file = Path(folder.name) / "inputs.safetensors"

    def read(self, **tensors: np.ndarray) -> dict[str, np.ndarray]:
        save_file(tensors, self.file)
        return read_tensors(self.file)

    def refused(self, **tensors: np.ndarray) -> str:
        with self.assertRaises(EngineError) as caught:
            self.read(**tensors)
        self.assertEqual(caught.exception.code, -32002)
        return str(caught.exception)

    def test_a_mask_that_is_absent_is_all_ones(self) -> None:
        tensors = self.read(input_ids=IDS)
        self.assertEqual(tensors["attention_mask"].tolist(), [[1] * 4] * 2)

    def test_a_model_that_reads_no_tokens_has_one_for_each_row(self) -> None:
        tensors = self.read(
            pixel_values=np.ones((2, 3), dtype=np.float32), attention_mask=np.ones((2, 5), dtype=np.int64)
        )
        self.assertEqual(tensors["input_ids"].shape, (2, 1))
        self.assertEqual(tensors["attention_mask"].shape, (2, 1))
        self.assertEqual(tensors["encoder_attention_mask"].shape, (2, 5))

    def test_positions_count_real_tokens(self) -> None:
        mask = np.array([[1, 1, 1], [0, 0, 1]])
        self.assertEqual(position_ids(mask).tolist(), [[0, 1, 2], [0, 0, 0]])

    def test_tensors_of_tokens_have_the_shape_of_the_tokens(self) -> None:
        self.assertIn("token_type_ids", self.refused(input_ids=IDS, token_type_ids=IDS[:1]))
        self.assertIn("input_ids", self.refused(input_ids=IDS.astype(np.int32)))
        self.assertIn("input_ids", self.refused(attention_mask=IDS))

    def test_grids_say_how_the_patches_lie(self) -> None:
        grid = np.array([[1, 2, 2]])
        self.assertIn("image_grid_thw", self.read(input_ids=IDS, pixel_values=np.zeros((4, 3)), image_grid_thw=grid))
        self.refused(input_ids=IDS, pixel_values=np.zeros((5, 3)), image_grid_thw=grid)
        self.refused(input_ids=IDS, image_grid_thw=grid * 0)

    def test_a_file_that_is_no_safetensors_file_is_refused(self) -> None:
        self.file.write_bytes(b"\0" * 16)
        with self.assertRaises(EngineError) as caught:
            read_tensors(self.file)
        self.assertEqual(caught.exception.data["where"], str(self.file))


class Phases(unittest.TestCase):
    def refused(self, *phases: Phase) -> str:
        with self.assertRaises(EngineError) as caught:
            check_phases(list(phases), 8)
        return caught.exception.data["found"]

    def test_a_phase_goes_back_to_the_end_of_an_earlier_one(self) -> None:
        check_phases([phase("prefill", 0, 4), phase("decode:1", 4, 5), phase("reuse:1", 4, 6, "prefill")], 8)
        self.assertEqual(self.refused(phase("prefill", 0, 4), phase("reuse:1", 5, 6, "prefill")), "one that ends at 4")
        self.assertEqual(self.refused(phase("reuse:1", 4, 6, "prefill")), "no such phase before it")

    def test_a_phase_ends_within_the_tokens(self) -> None:
        self.assertEqual(self.refused(phase("prefill", 0, 9)), "9")


if __name__ == "__main__":
    unittest.main()
