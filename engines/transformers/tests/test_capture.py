import unittest

import torch
from bench import LLAMA, TINY, Bench, media_inputs, text_inputs, tiny_runs

from lockstep_engine.phases import Phase
from lockstep_engine.pytorch.copies import share_copy
from lockstep_engine.pytorch.inputs import read_inputs
from lockstep_reference.verify import untapped_logits

ATTENTION = "model.language_model.layers.2.self_attn"


class Sites(unittest.TestCase):
    def setUp(self) -> None:
        self.loaded, self.taps, _, self.bench = tiny_runs()
        self.prefill = [site for phase, site in self.taps if phase == "prefill"]

    def test_functional_sites_come_in_order_before_o_proj(self) -> None:
        names = ["#q_rope", "#k_rope", "#value", "#scores", "#mask", "#probs", "#context", ".o_proj:in"]
        start = self.prefill.index(f"{ATTENTION}#q_rope")
        self.assertEqual(self.prefill[start : start + 8], [ATTENTION + name for name in names])

    def test_functional_shapes_of_a_chunk(self) -> None:
        # A full-attention layer: 4 heads and 1 key head of size 20; 4 queries, 20 keys.
        shapes = {
            name: list(self.taps["chunk:0", f"{ATTENTION}#{name}"].shape) for name in ("q_rope", "k_rope", "mask")
        }
        self.assertEqual(shapes, {"q_rope": [2, 4, 4, 20], "k_rope": [2, 1, 4, 20], "mask": [2, 1, 4, 20]})
        self.assertEqual(list(self.taps["chunk:0", f"{ATTENTION}#context"].shape), [2, 4, 4, 20])

    def test_a_container_encloses_its_children(self) -> None:
        index = self.prefill.index
        layer = "model.language_model.layers.0"
        self.assertLess(index(f"{layer}:in"), index(f"{layer}.self_attn:in"))
        self.assertLess(index(f"{layer}.mlp:out"), index(f"{layer}:out"))

    def test_a_string_argument_labels_the_call(self) -> None:
        for kind, size in (("sliding", 14), ("full", 20)):
            for port in ("out", "out.1"):
                tap = self.taps["prefill", f"model.language_model.rotary_emb:{port}@{kind}_attention"]
                self.assertEqual(tap.shape[-1], size)

    def test_caches_then_logits_come_last(self) -> None:
        self.assertEqual(self.prefill[0], "inputs#position_ids")
        self.assertEqual(self.prefill[-3:], ["cache.4.key", "cache.4.value", "logits"])
        self.assertNotIn("cache.5.key", self.prefill)
        self.assertNotIn("cache.0.key", [site for phase, site in self.taps if phase == "full"])

    def test_a_sliding_cache_keeps_window_minus_one(self) -> None:
        self.assertEqual(list(self.taps["prefill", "cache.0.key"].shape), [2, 2, 7, 14])
        self.assertEqual(list(self.taps["decode:3", "cache.2.key"].shape), [2, 1, 24, 20])

    def test_images_are_causal_in_full_attention_and_bidirectional_in_sliding(self) -> None:
        full = self.taps["prefill", f"{ATTENTION}#mask"][0, 0]
        sliding = self.taps["prefill", "model.language_model.layers.0.self_attn#mask"][0, 0]
        self.assertFalse(full[3, 8])
        self.assertTrue(sliding[3, 8])

    def test_one_batch_a_layer(self) -> None:
        batches = [batch for batch in self.bench.batches["plain"] if batch["phase"] == "prefill"]
        self.assertEqual(len(batches), 10)
        self.assertEqual(batches[3]["taps"][-1]["site"], "model.language_model.layers.3:out")
        self.assertEqual([batch["batch"] for batch in self.bench.batches["plain"]], list(range(70)))

    def test_sites_of_one_tensor_share_it(self) -> None:
        taps = {tap["site"]: tap["tensor"] for tap in self.bench.batches["plain"][1]["taps"]}
        layer = "model.language_model.layers.1"
        self.assertEqual(taps[f"{layer}:in"], taps[f"{layer}.input_layernorm:in"])
        self.assertNotEqual(taps[f"{layer}:in"], taps[f"{layer}:out"])

    def test_position_ids_skip_the_padding(self) -> None:
        positions = self.taps["prefill", "inputs#position_ids"]
        self.assertEqual(positions[1, :7].tolist(), [0, 0, 0, 0, 0, 1, 2])

    def test_tied_weights_are_stored_once(self) -> None:
        tied = {spec["name"]: spec["tied_to"] for spec in self.loaded["tensors"] if "tied_to" in spec}
        self.assertEqual(tied, {"lm_head.weight": "model.language_model.embed_tokens.weight"})

    def test_buffers_are_drawn_too(self) -> None:
        scalar = self.bench.engine.model.get_buffer("model.language_model.layers.0.layer_scalar")
        self.assertNotEqual(scalar.item(), 1)

    def test_a_tap_is_a_copy(self) -> None:
        # Layers scale their output in place at the end: the tap before must keep the old numbers.
        layer = "model.language_model.layers.0"
        scalar = self.bench.engine.model.get_buffer(f"{layer}.layer_scalar")
        normed = self.taps["full", f"{layer}.post_feedforward_layernorm:out"]
        residual = (self.taps["full", f"{layer}:out"] / scalar) - normed
        inside = self.taps["full", f"{layer}.pre_feedforward_layernorm:in"]
        torch.testing.assert_close(residual, inside, rtol=1e-4, atol=1e-4)


class Runs(unittest.TestCase):
    def test_logits_with_taps_are_bit_equal_to_plain_eager_attention(self) -> None:
        _, taps, _, bench = tiny_runs()
        model = share_copy(bench.engine.model)
        model.set_attn_implementation("eager")
        inputs = read_inputs(bench.write(media_inputs()))
        logits = untapped_logits(model, inputs, Phase("full", 0, 24, cache=False))
        model.set_attn_implementation("lockstep")
        self.assertTrue(torch.equal(logits, taps["full", "logits"]))

    def test_patterns_filter_sites(self) -> None:
        bench = tiny_runs()[3]
        taps = bench.run(media_inputs(), run="some", sites=["*#probs", "logits"])
        self.assertEqual({site.rpartition("#")[2] for _, site in taps}, {"probs", "logits"})
        self.assertEqual(sum(phase == "full" for phase, _ in taps), 10)

    def test_another_architecture_needs_no_code(self) -> None:
        bench = Bench()
        self.addCleanup(bench.close)
        bench.load(LLAMA)
        taps = bench.run(text_inputs())
        self.assertIn(("decode:3", "model.layers.1.self_attn#scores"), taps)
        torch.testing.assert_close(taps["decode:3", "logits"][0, 0], taps["full", "logits"][0, -1])

    def test_bfloat16(self) -> None:
        bench = Bench()
        self.addCleanup(bench.close)
        bench.load(TINY, "bfloat16")
        self.assertEqual(bench.run(media_inputs())["full", "logits"].dtype, torch.bfloat16)
        oracle = bench.run(media_inputs(), run="oracle", oracle=True)
        self.assertEqual({tap.dtype for tap in oracle.values()}, {torch.float64, torch.int64, torch.bool})


if __name__ == "__main__":
    unittest.main()
