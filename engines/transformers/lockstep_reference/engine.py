"""The reference engine: loads a checkpoint, runs it under taps, lists shapes and config reads."""

from __future__ import annotations

import json
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers.utils import logging

from lockstep_engine.adapter import Adapter, Notify, Roots
from lockstep_engine.checkpoint import read_config, weight_files, weights_sha256
from lockstep_engine.controls import Controls
from lockstep_engine.errors import INVALID_PARAMS, EngineError, bad_input, unsupported
from lockstep_engine.files import check_input_file
from lockstep_engine.phases import Phase
from lockstep_engine.pytorch.arrays import TorchArrays
from lockstep_engine.pytorch.copies import share_copy
from lockstep_engine.pytorch.inputs import Inputs, read_inputs
from lockstep_engine.pytorch.manifest import module_manifest, tensor_manifest, tensor_values
from lockstep_engine.pytorch.replay import Feed
from lockstep_engine.reads import ReadRecorder
from lockstep_engine.spool import SpoolSink
from lockstep_reference.attention import register_attention
from lockstep_reference.build import Built, build_checkpoint, instantiate
from lockstep_reference.checkpoint import load_model
from lockstep_reference.config_reads import recording
from lockstep_reference.drive import check_accepts, model_dtype, prepared_inputs
from lockstep_reference.explain import Evidence
from lockstep_reference.oracle import oracle_copy
from lockstep_reference.outline import outline
from lockstep_reference.run import Wanted, run_phases
from lockstep_reference.shapes import FakeModels, trace_shapes
from lockstep_reference.text import generate, tokenize
from lockstep_reference.verify import settle, switch_attention, verify_taps, verify_taps_on


class Engine(Adapter):
    """Holds one loaded model; `run` may be called from several threads at once."""

    def __init__(self) -> None:
        logging.set_verbosity_error()
        logging.disable_progress_bar()
        torch.set_num_threads(1)
        torch.use_deterministic_algorithms(True, warn_only=True)
        register_attention()
        self.model: nn.Module | None = None
        self._recorder = ReadRecorder()
        self._fakes = FakeModels()
        self._evidence = Evidence()
        # False until the taps of the loaded model are known to change nothing.
        self._verified = False
        self._verifying = threading.Lock()

    def load(self, params: dict[str, Any], cache: Path) -> dict[str, Any]:
        """Loads (after drawing it, when a config is given) a checkpoint. Raises EngineError."""
        if ("checkpoint" in params) == ("config" in params):
            raise EngineError(INVALID_PARAMS, "load takes a checkpoint or a config", expected="exactly one of them")
        self.unload()
        if "config" in params:
            built = self.build(params["config"], params.get("seed", 0), cache)
        else:
            built = Built(Path(params["checkpoint"]))
        directory = built.directory
        if not directory.is_dir():
            raise bad_input("the checkpoint directory does not exist", where=str(directory))
        self._recorder = ReadRecorder()
        with recording(self._recorder):
            self.model = self.load_model(directory, getattr(torch, params["dtype"]), params)
            self._recorder.name_modules(self.model)
        return {
            "checkpoint": str(directory),
            "modules": module_manifest(self.model),
            "tensors": tensor_manifest(self.model),
            "weights_sha256": weights_sha256(weight_files(directory)),
            **({} if built.redrawn is None else {"redrawn": built.redrawn}),
        }

    def build(self, config: dict[str, Any], seed: int, cache: Path) -> Built:
        """Draws a checkpoint into the cache, or finds it there."""
        return build_checkpoint(config, seed, cache)

    def load_model(self, directory: Path, dtype: torch.dtype, params: dict[str, Any]) -> nn.Module:
        """The model of a checkpoint directory, ready to be captured."""
        if "fault" in params:
            raise unsupported("the reference takes no faults", where="load.fault")
        model = load_model(directory, dtype)
        settle(model, read_config(directory))
        # On a copy: rotary modules keep what they computed for the longest sequence so far.
        self._verified = verify_taps(share_copy(model), read_config(directory))
        return model

    def verify_on(self, model: nn.Module, inputs: Inputs, phases: list[Phase]) -> None:
        """Verifies the taps on the inputs of the first run, where `load` could not make inputs itself."""
        with self._verifying:
            if self._verified:
                return
            check_accepts(model, prepared_inputs(model, inputs), phases)
            try:
                verify_taps_on(share_copy(model), inputs)
            except EngineError:
                raise
            except Exception as error:  # noqa: BLE001 - the run, which stops there too, says where
                print(f"lockstep_reference: the taps can't be verified: {error}", file=sys.stderr)
                switch_attention(model)
            self._verified = True

    def run(self, params: dict[str, Any], roots: Roots, controls: Controls, notify: Notify) -> dict[str, Any]:
        """Runs phases, or replays an engine's run, and streams taps under credits. Raises EngineError."""
        if self.model is None:
            raise bad_input("no model is loaded", remedy="Send load first.")
        torch.set_num_threads(1)
        sink = SpoolSink(params, roots[0], controls, notify, TorchArrays())
        inputs = read_inputs(check_input_file(params["inputs"], roots))
        phases = [Phase.of(phase) for phase in params["phases"]]
        self.verify_on(self.model, inputs, phases)
        # A copy with its own hooks: runs on the same weights interleave.
        model = oracle_copy(self.model) if params["oracle"] else share_copy(self.model)
        dtype = torch.float64 if params["oracle"] else model_dtype(self.model)
        feed = Feed(controls.feed, lambda file: check_input_file(file, roots)) if params.get("replay") else None
        wanted = Wanted([(one["site"], one["phase"]) for one in params["explain"]]) if params.get("explain") else None
        with recording(self._recorder):
            perturb = params.get("perturb")
            run_phases(model, inputs, phases, sink, dtype=dtype, feed=feed, wanted=wanted, perturb=perturb)
        if wanted is not None:
            positions = prepared_inputs(self.model, inputs).position_ids
            self._evidence.keep(wanted.snapshots, replace(inputs, position_ids=positions), phases)
        self._recorder.name_modules(model)
        return sink.result()

    def shapes(self, params: dict[str, Any], roots: Roots) -> dict[str, Any]:
        """Lists the shapes of all sites from a config alone. Raises EngineError."""
        inputs = read_inputs(check_input_file(params["inputs"], roots))
        config, fault = params["config"], params.get("fault")
        key = json.dumps([config, fault], sort_keys=True)
        return trace_shapes(*self._fakes.get(key, lambda: self.fake_model(config, fault)), inputs)

    def fake_model(self, config: dict[str, Any], fault: dict[str, str] | None) -> nn.Module:
        """The model of a config, without weights to load; called under a FakeTensorMode."""
        if fault is not None:
            raise unsupported("the reference takes no faults", where="shapes.fault")
        # Eager experts loop over the tokens each one gets, which fake tensors do not know.
        return instantiate(config, experts="batched_mm")

    def explain(self, params: dict[str, Any], spool: Path) -> dict[str, Any]:
        """The changes of the reference that come nearest to what an engine had at a site. Raises EngineError."""
        if self.model is None:
            raise bad_input("no model is loaded", remedy="Send load first.")
        return self._evidence.explain(self.model, params, spool)

    def power(self, params: dict[str, Any]) -> dict[str, Any]:
        """How visible likely changes of the reference are at a site. Raises EngineError."""
        if self.model is None:
            raise bad_input("no model is loaded", remedy="Send load first.")
        return self._evidence.power(self.model, params)

    def tokenize(self, params: dict[str, Any]) -> dict[str, Any]:
        """The token ids of a text by the checkpoint's own tokenizer. Raises EngineError."""
        return tokenize(Path(params["checkpoint"]), params["text"], chat=params.get("chat", False))

    def generate(self, params: dict[str, Any]) -> dict[str, Any]:
        """The likeliest continuation of token ids by the loaded model. Raises EngineError."""
        if self.model is None:
            raise bad_input("no model is loaded", remedy="Send load first.")
        return generate(share_copy(self.model), params["ids"], params["max_new_tokens"])

    def outline(self, params: dict[str, Any]) -> dict[str, Any]:
        """What a port of an architecture starts from: config fields and classes. Raises EngineError."""
        return outline(params["model_type"], params.get("architecture"), params.get("config"))

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
        self._evidence.clear()
        self.model = None
