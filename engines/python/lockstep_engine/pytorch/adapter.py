"""An adapter to extend: it has everything but how the model comes to be and how one phase runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from lockstep_engine.adapter import Adapter, Notify, Roots
from lockstep_engine.checkpoint import read_config, weight_files, weights_sha256
from lockstep_engine.controls import Controls
from lockstep_engine.errors import INTERNAL, EngineError, bad_input, unsupported
from lockstep_engine.files import check_input_file
from lockstep_engine.phases import Phase, check_phases
from lockstep_engine.pytorch.arrays import TorchArrays
from lockstep_engine.pytorch.capture import Capture
from lockstep_engine.pytorch.copies import share_copy
from lockstep_engine.pytorch.inputs import Inputs, read_inputs
from lockstep_engine.pytorch.manifest import module_manifest, tensor_manifest, tensor_values
from lockstep_engine.reads import ReadRecorder, recorded
from lockstep_engine.spool import SpoolSink


class TorchAdapter(Adapter):
    """Serves a `torch.nn.Module` whose submodules have the paths of the reference's.

    A subclass writes `build` and `run_phase`. Every submodule is tapped; code inside a module taps its functional sites
    with `lockstep_engine.taps.tap(self, "q_rope", tensor)`.
    """

    def __init__(self) -> None:
        torch.set_num_threads(1)
        self.model: nn.Module | None = None
        self._recorder = ReadRecorder()

    def build(self, directory: Path, config: dict[str, Any], dtype: torch.dtype) -> nn.Module:
        """The model of a checkpoint directory, with its weights. `config` is config.json; its reads are recorded."""
        raise NotImplementedError

    def start(self, model: nn.Module) -> Any:
        """What the phases of a run hand on, such as a KV cache; None of an engine that keeps nothing."""

    def run_phase(self, model: nn.Module, inputs: Inputs, phase: Phase, state: Any, taps: Capture) -> torch.Tensor:
        """The logits [B, S, vocabulary] of the tokens `phase.start .. phase.end`.

        `state` is what `start` made. Caches are tapped here: `taps.exchange("cache.0.key", keys)`.
        """
        raise NotImplementedError

    def load(self, params: dict[str, Any], cache: Path) -> dict[str, Any]:
        """Loads a checkpoint. Raises EngineError."""
        self.unload()
        if "checkpoint" not in params:
            raise unsupported("this engine draws no checkpoints", expected="load.checkpoint", found="load.config")
        if "fault" in params:
            raise unsupported("this engine takes no faults", where="load.fault")
        directory = Path(params["checkpoint"])
        if not directory.is_dir():
            raise bad_input("the checkpoint directory does not exist", where=str(directory))
        self._recorder = ReadRecorder()
        config = recorded(read_config(directory), self._recorder, nn.Module)
        self.model = self.build(directory, config, getattr(torch, params["dtype"])).eval()
        self._recorder.name_modules(self.model)
        return {
            "checkpoint": str(directory),
            "modules": module_manifest(self.model),
            "tensors": tensor_manifest(self.model),
            "weights_sha256": weights_sha256(weight_files(directory)),
        }

    def run(self, params: dict[str, Any], roots: Roots, controls: Controls, notify: Notify) -> dict[str, Any]:
        """Runs phases and streams taps under credits. Raises EngineError."""
        if self.model is None:
            raise bad_input("no model is loaded", remedy="Send load first.")
        if params["oracle"] or params.get("replay"):
            raise unsupported("this engine has no oracle and replays nothing", remedy="Ask the reference for it.")
        sink = SpoolSink(params, roots[0], controls, notify, TorchArrays())
        inputs = read_inputs(check_input_file(params["inputs"], roots))
        phases = [Phase.of(phase) for phase in params["phases"]]
        check_phases(phases, inputs.input_ids.shape[1])
        # A copy with its own hooks: runs on the same weights interleave.
        model = share_copy(self.model)
        taps = Capture(model, sink)
        state = self.start(model)
        with torch.no_grad():
            for phase in phases:
                sink.phase = phase.name
                taps.start_phase()
                self._run_one(model, inputs, phase, state, taps)
        self._recorder.name_modules(model)
        return sink.result()

    def _run_one(self, model: nn.Module, inputs: Inputs, phase: Phase, state: Any, taps: Capture) -> None:
        taps.exchange("inputs#position_ids", inputs.position_ids[:, phase.start : phase.end])
        try:
            logits = self.run_phase(model, inputs, phase, state, taps)
        except EngineError:
            raise
        except Exception as error:
            # What was tapped up to here is what tells the cause.
            taps.sink.flush()
            where = taps.running[-1].path if taps.running else phase.name
            raise EngineError(INTERNAL, f"the forward stopped: {error}", where=where) from error
        taps.exchange("logits", logits)
        taps.sink.flush()

    def config_reads(self) -> dict[str, Any]:
        """Which module read which config field since `load`."""
        return {"reads": self._recorder.reads()}

    def tensors(self, params: dict[str, Any], spool: Path) -> dict[str, Any]:
        """Checksums and values of the loaded tensors. Raises EngineError."""
        if self.model is None:
            raise bad_input("no model is loaded", remedy="Send load first.")
        return tensor_values(self.model, params, spool)

    def unload(self) -> None:
        """Frees the model."""
        self.model = None
