import ast
import importlib.util
import math
import unittest
from pathlib import Path
from typing import Any

import bench  # noqa: F401 - sets the import path
import numpy as np
import torch
from PIL import Image

from lockstep_reference.media import audio_frames, image_patches, target_size

try:
    from transformers import Gemma4UnifiedImageProcessor

    Gemma4UnifiedImageProcessor()
    MISSING = ""
except Exception as error:  # noqa: BLE001 - whatever keeps torchvision from importing is the reason
    MISSING = f"no torchvision: {str(error).strip().splitlines()[0]}"


def source_functions() -> dict[str, Any]:
    """The plain functions of transformers' image processing file, which does not import without torchvision."""
    (package,) = importlib.util.find_spec("transformers").submodule_search_locations
    file = Path(package) / "models" / "gemma4_unified" / "image_processing_gemma4_unified.py"
    tree = ast.parse(file.read_text(encoding="utf-8"))
    tree.body = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    functions: dict[str, Any] = {"math": math, "torch": torch}
    exec(compile(tree, file.name, "exec"), functions)
    return functions


SOURCE = source_functions()


def picture(height: int, width: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8))


class Patches(unittest.TestCase):
    def test_the_order_is_row_column_channel(self) -> None:
        image = picture(8, 12)
        values, positions = image_patches(image, patch_size=2, pooling_kernel_size=2, max_soft_tokens=6)
        pixels = np.asarray(image, dtype=np.float32) * np.float32(1 / 255)
        self.assertEqual(positions.tolist(), [[0, 0], [1, 0], [2, 0], [0, 1], [1, 1], [2, 1]])
        np.testing.assert_array_equal(values[5].reshape(4, 4, 3), pixels[4:8, 8:12])

    def test_padding_is_minus_one(self) -> None:
        values, positions = image_patches(picture(8, 12), patch_size=2, pooling_kernel_size=2, max_soft_tokens=9)
        self.assertEqual(positions[-1].tolist(), [-1, -1])
        self.assertEqual(np.abs(values[-1]).max(), 0)

    def test_sizes_are_those_of_transformers(self) -> None:
        for height, width in [(600, 512), (30, 900), (901, 20), (48, 48)]:
            expected = SOURCE["get_aspect_ratio_preserving_size"](height, width, 16, 70 * 9, 3)
            self.assertEqual(target_size(height, width, 48, 70), expected)

    def test_patches_are_those_of_the_source_of_transformers(self) -> None:
        image = picture(12, 18)
        values, positions = image_patches(image, patch_size=2, pooling_kernel_size=3, max_soft_tokens=6)
        channels_first = torch.from_numpy(np.asarray(image)).permute(2, 0, 1).float() * (1 / 255)
        small = SOURCE["convert_image_to_patches"](channels_first, 2)[None]
        grid = torch.stack(torch.meshgrid(torch.arange(9), torch.arange(6), indexing="xy"), dim=-1).reshape(1, -1, 2)
        merged, merged_positions = SOURCE["patches_merge"](small, grid, 6)
        np.testing.assert_array_equal(values, merged[0].numpy())
        np.testing.assert_array_equal(positions, merged_positions[0].numpy())

    @unittest.skipIf(MISSING, MISSING)
    def test_patches_are_those_of_transformers(self) -> None:
        image = picture(300, 420)
        processor = Gemma4UnifiedImageProcessor(max_soft_tokens=70)
        expected = processor(image, return_tensors="np")
        values, positions = image_patches(image, patch_size=16, pooling_kernel_size=3, max_soft_tokens=70)
        np.testing.assert_array_equal(positions, expected["image_position_ids"][0])
        self.assertLess(np.abs(values - expected["pixel_values"][0]).max(), 1.5 / 255)

    def test_an_extreme_image_keeps_one_row(self) -> None:
        self.assertEqual(target_size(4, 400, 4, 10), (4, 40))
        with self.assertRaisesRegex(ValueError, "0 x 0"):
            target_size(1, 1, 4, 0)


class Audio(unittest.TestCase):
    def test_frames_and_mask(self) -> None:
        features, mask = audio_frames(np.arange(60, dtype=np.float32), samples_per_token=26, max_tokens=4)
        self.assertEqual(mask.tolist(), [True, True, True, False])
        self.assertEqual((features[2, 7], features[2, 8], features.shape), (59, 0, (4, 26)))


if __name__ == "__main__":
    unittest.main()
