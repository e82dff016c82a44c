"""A tiny gemma4_unified, inputs for it, and an engine that runs in this process."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
import threading
from pathlib import Path
from typing import Any

import packages  # noqa: F401 - sets the import path
import torch
from safetensors.torch import load_file, save_file

from lockstep_engine.controls import Controls, Credits
from lockstep_reference.engine import Engine

_LAYERS = ("sliding", "sliding", "full", "sliding", "full", "sliding", "sliding", "full", "full")
TEXT = {
    "model_type": "gemma4_unified_text",
    "vocab_size": 193,
    "hidden_size": 40,
    "intermediate_size": 68,
    "num_hidden_layers": 9,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 14,
    "global_head_dim": 20,
    "num_global_key_value_heads": 1,
    "attention_k_eq_v": True,
    "num_kv_shared_layers": 4,
    "use_double_wide_mlp": True,
    "layer_types": [f"{kind}_attention" for kind in _LAYERS],
    "sliding_window": 8,
    "rms_norm_eps": 1e-3,
    "final_logit_softcapping": 2.5,
    "rope_parameters": {
        "sliding_attention": {"rope_type": "default", "rope_theta": 12345},
        "full_attention": {"rope_type": "proportional", "partial_rotary_factor": 0.3, "rope_theta": 54321},
    },
    "max_position_embeddings": 64,
    "use_bidirectional_attention": "vision",
    "pad_token_id": 0,
    "eos_token_id": 1,
    "bos_token_id": 2,
}
TINY = {
    "architectures": ["Gemma4UnifiedForConditionalGeneration"],
    "model_type": "gemma4_unified",
    "text_config": TEXT,
    "vision_config": {
        "patch_size": 2,
        "pooling_kernel_size": 2,
        "mm_embed_dim": 36,
        "mm_posemb_size": 23,
        "output_proj_dims": 36,
        "rms_norm_eps": 2e-3,
    },
    "audio_config": {"audio_embed_dim": 26, "rms_norm_eps": 5e-4},
    "image_token_id": 180,
    "video_token_id": 184,
    "audio_token_id": 181,
    "boi_token_id": 178,
    "eoi_token_id": 182,
    "boa_token_id": 179,
    "eoa_token_index": 183,
}
CAUSAL = {**TEXT, "architectures": ["Gemma4UnifiedForCausalLM"]}
LLAMA = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "vocab_size": 97,
    "hidden_size": 24,
    "intermediate_size": 44,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 10,
    "max_position_embeddings": 64,
    "tie_word_embeddings": False,
}

LENGTH = 24
PHASES = [
    {"name": "prefill", "start": 0, "end": 16, "cache": True},
    {"name": "chunk:0", "start": 16, "end": 20, "cache": True},
    *({"name": f"decode:{i}", "start": 20 + i, "end": 21 + i, "cache": True} for i in range(4)),
    {"name": "full", "start": 0, "end": 24, "cache": False},
]


def text_inputs(vocabulary: int = 96) -> dict[str, torch.Tensor]:
    """Two sequences, the second padded on the left by 4."""
    ids = torch.randint(3, vocabulary, (2, LENGTH), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(ids)
    mask[1, :4] = 0
    ids[1, :4] = 0
    return {"input_ids": ids, "attention_mask": mask}


def media_inputs() -> dict[str, torch.Tensor]:
    """An image of 3 x 2 patches and a clip of 3 frames in the first sequence, an image of 2 x 2 in the second."""
    tensors = text_inputs()
    ids = tensors["input_ids"]
    ids[0, 2:10] = torch.tensor([178, *[180] * 6, 182])
    ids[0, 10:15] = torch.tensor([179, 181, 181, 181, 183])
    ids[1, 5:11] = torch.tensor([178, *[180] * 4, 182])
    types = torch.zeros_like(ids)
    types[ids == 180] = 1
    types[ids == 181] = 3
    positions = torch.full((2, 8, 2), -1)
    for image, (columns, rows) in enumerate([(3, 2), (2, 2)]):
        grid = torch.tensor([[x, y] for y in range(rows) for x in range(columns)])
        positions[image, : len(grid)] = grid
    generator = torch.Generator().manual_seed(1)
    return {
        **tensors,
        "mm_token_type_ids": types,
        "pixel_values": torch.rand(2, 8, 48, generator=generator),
        "image_position_ids": positions,
        "input_features": torch.randn(1, 5, 26, generator=generator),
        "input_features_mask": torch.tensor([[True, True, True, False, False]]),
    }


class Bench:
    """An engine with a spool and a cache directory; collects what it streams."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp())
        # Those that all tests share are never closed.
        atexit.register(self.close)
        self.spool = self.directory / "spool"
        self.cache = self.directory / "cache"
        self.spool.mkdir()
        self.cache.mkdir()
        self.engine = Engine()
        self.batches: dict[str, list[dict[str, Any]]] = {}

    def close(self) -> None:
        """Removes the directories."""
        shutil.rmtree(self.directory, ignore_errors=True)

    def load(self, config: dict[str, Any], dtype: str = "float32", seed: int = 3) -> dict[str, Any]:
        """Draws and loads a checkpoint."""
        return self.engine.load({"config": config, "seed": seed, "dtype": dtype}, self.cache)

    def write(self, tensors: dict[str, torch.Tensor]) -> str:
        """Writes an inputs file and returns its path."""
        file = self.spool / "inputs.safetensors"
        save_file(tensors, file)
        return str(file)

    def run(self, tensors: dict[str, torch.Tensor], **params: Any) -> dict[tuple[str, str], torch.Tensor]:
        """Runs phases; returns the taps by (phase, site), in execution order."""
        name = params.get("run", "run")
        request = {"run": name, "inputs": self.write(tensors), "phases": PHASES, "oracle": False, **params}
        taps: dict[tuple[str, str], torch.Tensor] = {}
        self.batches[name] = []
        controls = Controls(Credits(1))

        def notify(method: str, batch: dict[str, Any]) -> None:
            self.batches[name].append(batch)
            read = load_file(batch["file"])
            Path(batch["file"]).unlink()
            for tap in batch["taps"]:
                taps[batch["phase"], tap["site"]] = read[tap["tensor"]]
            threading.Thread(target=controls.credits.add, args=(1,)).start()

        self.engine.run(request, (self.spool, self.cache), controls, notify)
        return taps

    def shapes(self, config: dict[str, Any], tensors: dict[str, torch.Tensor]) -> dict[str, Any]:
        """The result of a `shapes` request."""
        return self.engine.shapes({"config": config, "inputs": self.write(tensors)}, (self.spool, self.cache))


@functools.cache
def tiny_runs() -> tuple[
    dict[str, Any], dict[tuple[str, str], torch.Tensor], dict[tuple[str, str], torch.Tensor], Bench
]:
    """Load result, float32 taps, oracle taps and bench of the tiny model; run once for all tests."""
    bench = Bench()
    loaded = bench.load(TINY)
    plain = bench.run(media_inputs(), run="plain")
    oracle = bench.run(media_inputs(), run="oracle", oracle=True)
    return loaded, plain, oracle, bench
