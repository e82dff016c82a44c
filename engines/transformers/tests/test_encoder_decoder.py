"""Models with an encoder: what runs in which phase, what is kept, and models that only encode."""

from __future__ import annotations

import unittest
from typing import Any

import torch
from bench import Bench

from lockstep_engine.errors import EngineError
from lockstep_reference.drive import cache_parameter, new_cache

T5 = {
    "architectures": ["T5ForConditionalGeneration"],
    "model_type": "t5",
    "vocab_size": 97,
    "d_model": 24,
    "d_kv": 10,
    "d_ff": 44,
    "num_layers": 2,
    "num_decoder_layers": 1,
    "num_heads": 3,
    "is_encoder_decoder": True,
    "decoder_start_token_id": 0,
    "pad_token_id": 0,
    "eos_token_id": 1,
}
WHISPER = {
    "architectures": ["WhisperForConditionalGeneration"],
    "model_type": "whisper",
    "vocab_size": 97,
    "num_mel_bins": 6,
    "d_model": 24,
    "encoder_layers": 1,
    "decoder_layers": 2,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 3,
    "encoder_ffn_dim": 20,
    "decoder_ffn_dim": 28,
    "max_source_positions": 9,
    "max_target_positions": 16,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
BERT = {
    "architectures": ["BertModel"],
    "model_type": "bert",
    "vocab_size": 97,
    "hidden_size": 24,
    "num_hidden_layers": 1,
    "num_attention_heads": 3,
    "intermediate_size": 44,
    "max_position_embeddings": 32,
}
PHASES = [
    {"name": "prefill", "start": 0, "end": 4, "cache": True},
    {"name": "decode:1", "start": 4, "end": 5, "cache": True},
    {"name": "full", "start": 0, "end": 5, "cache": False},
]


def tokens(count: int) -> torch.Tensor:
    return torch.arange(3, 3 + count).repeat(2, 1)


class EncoderDecoders(unittest.TestCase):
    def setUp(self) -> None:
        self.bench = Bench()
        self.addCleanup(self.bench.close)

    def run_model(self, config: dict[str, Any], **inputs: torch.Tensor) -> dict[tuple[str, str], torch.Tensor]:
        self.bench.load(config)
        return self.bench.run({"input_ids": tokens(5), **inputs}, phases=PHASES)

    def test_the_encoder_runs_in_the_first_phase_and_in_a_full_one(self) -> None:
        taps = self.run_model(T5, encoder_input_ids=tokens(7))
        phases = {phase for phase, site in taps if site == "encoder:out"}
        self.assertEqual(phases, {"prefill", "full"})
        torch.testing.assert_close(taps["decode:1", "logits"], taps["full", "logits"][:, 4:], rtol=1e-4, atol=1e-5)

    def test_what_is_made_of_its_output_is_kept(self) -> None:
        taps = self.run_model(T5, encoder_input_ids=tokens(7))
        for name in ("cache.0.cross_key", "cache.0.cross_value"):
            self.assertEqual(taps["prefill", name].shape, (2, 3, 7, 10))
            self.assertTrue(torch.equal(taps["prefill", name], taps["decode:1", name]))
        self.assertEqual(taps["decode:1", "cache.0.key"].shape[2], 5)

    def test_the_mask_of_the_encoders_tokens_is_the_encoders(self) -> None:
        mask = torch.ones(2, 7, dtype=torch.int64)
        mask[1, :3] = 0
        plain = self.run_model(T5, encoder_input_ids=tokens(7))
        masked = self.run_model(T5, encoder_input_ids=tokens(7), encoder_attention_mask=mask)
        for phase in ("prefill", "decode:1"):
            self.assertTrue(torch.equal(plain[phase, "logits"][0], masked[phase, "logits"][0]))
            self.assertFalse(torch.allclose(plain[phase, "logits"][1], masked[phase, "logits"][1], atol=1e-3))

    def test_an_encoder_of_other_things_than_tokens_has_functional_sites_too(self) -> None:
        taps = self.run_model(WHISPER, input_features=torch.linspace(-1, 1, 2 * 6 * 18).reshape(2, 6, 18))
        self.assertEqual(taps["prefill", "model.encoder.layers.0.self_attn#scores"].shape, (2, 4, 9, 9))
        self.assertEqual(taps["decode:1", "model.decoder.layers.1.encoder_attn#scores"].shape, (2, 3, 1, 9))
        self.assertEqual(taps["decode:1", "model.decoder.layers.1.encoder_attn#k_rope"].shape, (2, 3, 1, 8))

    def test_a_main_input_that_is_missing_is_an_error_of_the_run(self) -> None:
        with self.assertRaises(EngineError):
            self.run_model(WHISPER)


class Encoders(unittest.TestCase):
    def test_a_model_that_only_encodes_keeps_no_cache(self) -> None:
        bench = Bench()
        self.addCleanup(bench.close)
        bench.load(BERT)
        model = bench.engine.model
        self.assertIsNone(new_cache(model))
        self.assertIsNone(cache_parameter(model))


if __name__ == "__main__":
    unittest.main()
