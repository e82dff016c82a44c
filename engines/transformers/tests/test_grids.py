"""Images of any size: positions of several kinds, attention over packed sequences, shapes without weights."""

from __future__ import annotations

import copy
import unittest
from typing import Any

import torch
from bench import Bench

from lockstep_engine.errors import EngineError
from lockstep_engine.phases import Phase
from lockstep_engine.pytorch.inputs import Inputs, position_ids
from lockstep_reference.build import instantiate
from lockstep_reference.positions import own_position_ids, positions_as_site, positions_with_site
from lockstep_reference.verify import switch_attention, untapped_logits

IMAGE = 80
CONFIG: dict[str, Any] = {
    "architectures": ["Qwen2_5_VLForConditionalGeneration"],
    "model_type": "qwen2_5_vl",
    "text_config": {
        "model_type": "qwen2_5_vl_text",
        "vocab_size": 97,
        "hidden_size": 24,
        "intermediate_size": 44,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "max_position_embeddings": 64,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1234.0, "mrope_section": [1, 2, 3]},
        "bos_token_id": 1,
        "eos_token_id": 2,
    },
    "vision_config": {
        "model_type": "qwen2_5_vl_vision",
        "depth": 2,
        "hidden_size": 16,
        "num_heads": 2,
        "intermediate_size": 20,
        "patch_size": 2,
        "window_size": 8,
        "out_hidden_size": 24,
        "fullatt_block_indexes": [1],
    },
    "image_token_id": IMAGE,
    "video_token_id": 81,
    "vision_start_token_id": 78,
    "vision_end_token_id": 79,
}
MASK = "model.visual.blocks.{}.attn#mask"


def inputs() -> dict[str, torch.Tensor]:
    """Two images of 3 x 2 and 1 x 2 tokens; the second row is padded on the left."""
    first = [5, 78, *[IMAGE] * 6, 79, 6, 7]
    second = [0, 0, 0, 0, 8, 78, *[IMAGE] * 2, 79, 9, 10]
    ids = torch.tensor([first, second])
    return {
        "input_ids": ids,
        "attention_mask": (ids != 0).long(),
        "mm_token_type_ids": (ids == IMAGE).long(),
        "image_grid_thw": torch.tensor([[1, 6, 4], [1, 2, 4]]),
        "pixel_values": torch.rand(32, 24, generator=torch.Generator().manual_seed(1)),
    }


def driven(tensors: dict[str, torch.Tensor]) -> Inputs:
    mask = tensors["attention_mask"]
    types = {"mm_token_type_ids": tensors["mm_token_type_ids"]}
    media = {name: tensors[name] for name in ("image_grid_thw", "pixel_values")}
    return Inputs(tensors["input_ids"], mask, position_ids(mask), types, media)


class Grids(unittest.TestCase):
    def setUp(self) -> None:
        self.bench = Bench()
        self.addCleanup(self.bench.close)

    def test_positions_are_those_of_the_models_own_generate(self) -> None:
        model = instantiate(CONFIG).eval()
        given = inputs()
        prompt = {name: tensor[:, :9] if tensor.shape == (2, 11) else tensor for name, tensor in given.items()}
        seen: list[torch.Tensor] = []
        note = lambda _module, _args, kwargs: seen.append(kwargs["position_ids"])  # noqa: E731
        model.register_forward_pre_hook(note, with_kwargs=True)
        with torch.no_grad():
            model.generate(**prompt, max_new_tokens=3, min_new_tokens=3, do_sample=False)
        ours = own_position_ids(model, driven(given))
        self.assertEqual([ids.shape[-1] for ids in seen], [9, 1, 1])
        real = given["attention_mask"].bool()
        for kind in range(4):
            found = torch.cat([ids[kind] for ids in seen], -1)
            self.assertEqual(found[real].tolist(), ours[kind][real].tolist())
        # Three rows of an image take three positions, and the text behind it goes on from there.
        self.assertEqual(ours[1:, 0, -1].tolist(), [7, 7, 7])

    def test_the_site_has_no_positions_that_only_make_masks(self) -> None:
        four = torch.arange(24).reshape(4, 2, 3)
        site = positions_as_site(four)
        self.assertEqual(list(site.shape), [2, 3, 3])
        self.assertEqual(site[0, 0].tolist(), [6, 12, 18])
        back = positions_with_site(four, site + 1)
        self.assertEqual(back[0].tolist(), four[0].tolist())
        self.assertEqual(back[1:].tolist(), (four[1:] + 1).tolist())

    def test_packed_attention_is_the_models_own_bit_for_bit(self) -> None:
        model = instantiate(CONFIG).eval()
        phase = Phase("full", 0, 11, cache=False)
        given = driven(inputs())
        plain = untapped_logits(model, given, phase)
        switched = copy.deepcopy(model)
        self.assertTrue(switch_attention(switched))
        self.assertTrue(torch.equal(plain, untapped_logits(switched, given, phase)))

    def test_patches_see_their_window_or_their_image(self) -> None:
        self.bench.load(CONFIG)
        taps = self.bench.run(inputs(), phases=[{"name": "full", "start": 0, "end": 11, "cache": False}])
        windows, images = (taps["full", MASK.format(block)][0, 0] for block in (0, 1))
        self.assertEqual(windows.sum(-1).unique().tolist(), [8, 16])
        self.assertEqual(images.sum(-1).unique().tolist(), [8, 24])
        probs = taps["full", "model.visual.blocks.0.attn#probs"]
        self.assertEqual(probs[0, :, ~windows].abs().max().item(), 0)
        # Scores are there for all pairs: what a mask hides is the mask's affair.
        self.assertGreater(taps["full", "model.visual.blocks.0.attn#scores"][0, :, ~windows].abs().min().item(), 0)

    def test_shapes_reach_the_end_and_are_those_of_a_run(self) -> None:
        self.bench.load(CONFIG)
        taps = self.bench.run(inputs(), phases=[{"name": "prefill", "start": 0, "end": 11, "cache": True}])
        result = self.bench.shapes(CONFIG, inputs())
        self.assertNotIn("stop", result)
        listed = {entry["site"]: entry["shape"] for entry in result["sites"]}
        self.assertEqual(listed, {site: list(tap.shape) for (_, site), tap in taps.items()})

    def test_grids_that_do_not_fit_the_patches_are_refused(self) -> None:
        self.bench.load(CONFIG)
        wrong = {**inputs(), "image_grid_thw": torch.tensor([[1, 6, 4], [1, 2, 2]])}
        with self.assertRaisesRegex(EngineError, "image_grid_thw") as caught:
            self.bench.run(wrong, phases=[{"name": "full", "start": 0, "end": 11, "cache": False}])
        self.assertEqual(caught.exception.data["expected"], "grids of 32 patches in all")


if __name__ == "__main__":
    unittest.main()
