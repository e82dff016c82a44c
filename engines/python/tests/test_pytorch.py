"""The adapter to extend, with a model of two modules."""

from __future__ import annotations

import json
import tempfile
import unittest
from pathlib import Path
from typing import Any

import support  # noqa: F401 - sets the import path
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from lockstep_engine.controls import Controls, Credits
from lockstep_engine.errors import EngineError
from lockstep_engine.phases import Phase
from lockstep_engine.pytorch.adapter import TorchAdapter
from lockstep_engine.pytorch.capture import Capture
from lockstep_engine.pytorch.inputs import Inputs
from lockstep_engine.taps import tap


class Layer(nn.Module):
    """Writes into its own output after it was tapped."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        self.proj = nn.Linear(config["size"], config["size"], bias=False)

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        projected = self.proj(hidden_states)
        tap(self, "before", projected)
        projected *= 2
        return projected


class Model(nn.Module):
    """A table and two layers."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        self.embed = nn.Embedding(config["vocab"], config["size"])
        self.layers = nn.ModuleList(Layer(config) for _ in range(2))

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        states = self.embed(ids)
        for layer in self.layers:
            states = layer(states)
        return states


class Own(TorchAdapter):
    """Fails in a phase that starts at 2."""

    def build(self, directory: Path, config: dict[str, Any], dtype: torch.dtype) -> nn.Module:
        model = Model(config)
        model.load_state_dict(load_file(directory / "model.safetensors"))
        return model.to(dtype)

    def start(self, model: nn.Module) -> list[torch.Tensor]:
        return []

    def run_phase(self, model: nn.Module, inputs: Inputs, phase: Phase, state: Any, taps: Capture) -> torch.Tensor:
        logits = model(inputs.input_ids[:, phase.start : phase.end] + (99 if phase.start == 2 else 0))
        state.append(logits)
        taps.exchange("cache.0.seen", torch.cat(state, dim=1))
        return logits


class Adapters(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        config = {"size": 3, "vocab": 5}
        (self.folder / "config.json").write_text(json.dumps(config))
        weights = Model(config).state_dict()
        save_file(weights, self.folder / "model.safetensors")
        save_file({"input_ids": torch.tensor([[1, 2, 3, 4]])}, self.folder / "inputs.safetensors")
        self.engine = Own()
        self.loaded = self.engine.load({"checkpoint": folder.name, "dtype": "float32"}, self.folder)

    def run_slices(self, *ends: int, **changes: Any) -> dict[tuple[str, str], torch.Tensor]:
        phases = [
            {"name": f"chunk:{i}", "start": start, "end": end, "cache": True}
            for i, (start, end) in enumerate(zip((0, *ends), ends, strict=False))
        ]
        taps: dict[tuple[str, str], torch.Tensor] = {}

        def notify(_method: str, batch: dict[str, Any]) -> None:
            stored = load_file(batch["file"])
            taps.update({(batch["phase"], tap["site"]): stored[tap["tensor"]] for tap in batch["taps"]})

        inputs = str(self.folder / "inputs.safetensors")
        params = {"run": "r", "inputs": inputs, "phases": phases, "oracle": False, **changes}
        self.engine.run(params, (self.folder, self.folder), Controls(Credits(99)), notify)
        return taps

    def test_load_lists_modules_tensors_and_reads(self) -> None:
        self.assertEqual(
            self.loaded["modules"][:2], [{"path": "", "type": "Model"}, {"path": "embed", "type": "Embedding"}]
        )
        self.assertEqual(self.loaded["tensors"][0], {"name": "embed.weight", "shape": [5, 3], "dtype": "F32"})
        self.assertEqual(len(self.loaded["weights_sha256"]), 64)
        self.assertIn({"scope": "layers.1", "field": "size"}, self.engine.config_reads()["reads"])
        self.assertNotIn({"scope": "layers.1", "field": "vocab"}, self.engine.config_reads()["reads"])

    def test_a_run_taps_every_module_in_order(self) -> None:
        taps = self.run_slices(4)
        first = [site for _, site in taps][:7]
        layer = [f"layers.0{end}" for end in (":in", ".proj:in", ".proj:out", "#before")]
        self.assertEqual(first, ["inputs#position_ids", "embed:in", "embed:out", *layer])
        self.assertEqual([site for _, site in taps][-3:], ["layers.1:out", "cache.0.seen", "logits"])

    def test_a_tap_is_a_copy_of_that_moment(self) -> None:
        taps = self.run_slices(4)
        doubled = taps["chunk:0", "layers.0#before"] * 2
        self.assertTrue(torch.equal(doubled, taps["chunk:0", "layers.0:out"]))

    def test_phases_hand_on_a_state(self) -> None:
        taps = self.run_slices(1, 4)
        self.assertEqual(taps["chunk:1", "cache.0.seen"].shape, (1, 4, 3))
        self.assertEqual(taps["chunk:1", "inputs#position_ids"].tolist(), [[1, 2, 3]])

    def test_a_forward_that_fails_says_where(self) -> None:
        with self.assertRaises(EngineError) as caught:
            self.run_slices(2, 4)
        self.assertEqual((caught.exception.code, caught.exception.data["where"]), (-32603, "embed"))

    def test_what_it_can_not_do_is_refused(self) -> None:
        for params in ({"oracle": True}, {"replay": True}):
            with self.assertRaises(EngineError) as caught:
                self.run_slices(4, **params)
            self.assertEqual(caught.exception.code, -32001)
        with self.assertRaises(EngineError):
            self.engine.load({"config": {}, "dtype": "float32"}, self.folder)


if __name__ == "__main__":
    unittest.main()
