import unittest

import torch
from bench import tiny_runs

from lockstep_reference.oracle import Float64Mode, oracle_copy


class Purity(unittest.TestCase):
    def setUp(self) -> None:
        _, self.plain, self.oracle, self.bench = tiny_runs()

    def test_no_tap_is_float32(self) -> None:
        self.assertEqual({tap.dtype for tap in self.oracle.values()}, {torch.float64, torch.int64, torch.bool})
        self.assertEqual(list(self.oracle), list(self.plain))

    def test_cached_phases_agree_with_one_forward_to_float64_rounding(self) -> None:
        cached, full = self.oracle["decode:3", "logits"][0, -1], self.oracle["full", "logits"][0, -1]
        self.assertLess((cached - full).abs().max().item(), 1e-12)

    def test_float32_differs_by_float32_noise(self) -> None:
        difference = (self.plain["full", "logits"].double() - self.oracle["full", "logits"])[0].abs().max().item()
        self.assertGreater(difference, 1e-9)
        self.assertLess(difference, 1e-2)

    def test_inverse_frequencies_are_computed_in_float64(self) -> None:
        model = oracle_copy(self.bench.engine.model)
        rotary = model.get_submodule("model.language_model.rotary_emb")
        exact = 12345 ** -(torch.arange(0, 14, 2, dtype=torch.float64) / 14)
        self.assertLess((rotary.sliding_attention_inv_freq / exact - 1).abs().max().item(), 1e-15)
        scale = model.get_submodule("model.language_model.embed_tokens").embed_scale.item()
        self.assertLess(abs(scale / 40**0.5 - 1), 1e-15)

    def test_weights_are_shared_not_copied(self) -> None:
        model = self.bench.engine.model
        name = "model.language_model.layers.0.mlp.up_proj.weight"
        self.assertIs(oracle_copy(model).get_parameter(name), model.get_parameter(name))
        self.assertEqual(model.get_parameter(name).dtype, torch.float32)


class Mode(unittest.TestCase):
    def test_explicit_and_default_float32_become_float64(self) -> None:
        x = torch.ones(3)
        with Float64Mode():
            results = [
                x.float(),
                x.to(torch.float32),
                x.to(dtype=torch.bfloat16),
                x.type(torch.float16),
                torch.zeros(2),
                torch.tensor(0.1),
                torch.arange(0, 1, 0.1),
                torch.arange(3) / 3,
                torch.nn.functional.softmax(x, dim=-1, dtype=torch.float32),
            ]
            self.assertEqual(x.dtype, torch.float64)
        self.assertEqual({result.dtype for result in results}, {torch.float64})
        self.assertEqual(results[5].item(), 0.1)
        self.assertEqual(results[7][1].item(), 1 / 3)

    def test_integers_stay_integers(self) -> None:
        with Float64Mode():
            self.assertEqual(torch.arange(3).dtype, torch.int64)
            self.assertEqual((torch.arange(3) == 1).dtype, torch.bool)

    def test_numbers_that_become_a_tensor_are_float64_from_the_start(self) -> None:
        with Float64Mode():
            lowest = torch.full((), torch.finfo(torch.ones(1).dtype).min)
            chosen = torch.where(torch.tensor([True, False]), 0.1, -1e10)
        self.assertEqual((lowest.dtype, chosen.dtype), (torch.float64, torch.float64))
        self.assertEqual((lowest.item(), chosen[0].item()), (torch.finfo(torch.float64).min, 0.1))

    def test_an_in_place_change_of_a_float32_tensor_is_refused(self) -> None:
        x = torch.ones(3)
        with Float64Mode(), self.assertRaisesRegex(RuntimeError, "in-place"):
            x.mul_(2)


if __name__ == "__main__":
    unittest.main()
