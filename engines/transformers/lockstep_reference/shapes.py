"""Shapes of all sites from a config alone: the model is built and run on fake tensors, without weights."""

from __future__ import annotations

import json
import re
from typing import Any

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.symbolic_shapes import ShapeEnv

from lockstep_reference.attention import NAME
from lockstep_reference.build import DTYPE_NAMES, architecture_class, config_object, module_manifest, tensor_manifest
from lockstep_reference.capture import Capture
from lockstep_reference.config_reads import ReadRecorder, mark_config, recording
from lockstep_reference.drive import Inputs, Phase
from lockstep_reference.errors import EngineError, bad_input
from lockstep_reference.run import run_phases


class ShapeSink:
    """Notes the shape and dtype of every site."""

    phase = ""

    def __init__(self) -> None:
        self.sites: list[dict[str, Any]] = []

    def wants(self, site: str) -> bool:
        """Everything is listed."""
        return True

    def tap(self, site: str, tensor: torch.Tensor) -> None:
        """Notes one site."""
        shape = [int(size) for size in tensor.shape]
        self.sites.append({"site": site, "shape": shape, "dtype": DTYPE_NAMES.get(tensor.dtype, str(tensor.dtype))})

    def flush(self) -> None:
        """Nothing is written."""


def fake_mode() -> FakeTensorMode:
    """The mode under which models are built and run. Index inputs stay real: their values decide shapes."""
    return FakeTensorMode(allow_non_fake_inputs=True, shape_env=ShapeEnv())


def build_fake(config: dict[str, Any], mode: FakeTensorMode) -> tuple[nn.Module, ReadRecorder]:
    """Builds the architecture of `config` on fake tensors in `mode`. Raises EngineError."""
    cls = architecture_class(config)
    resolved = mark_config(config_object(config))
    recorder = ReadRecorder()
    try:
        with mode, recording(recorder):
            model = cls._from_config(resolved, attn_implementation="eager").eval()
    except Exception as error:  # noqa: BLE001 - modeling code raises whatever a bad config leads it to
        message = f"{cls.__name__} can't be built from the config: {type(error).__name__}: {error}"
        raise bad_input(message, where="config") from error
    if model._can_set_attn_implementation():
        model.set_attn_implementation(NAME)
    recorder.name_modules(model)
    return model, recorder


class FakeModels:
    """Keeps the fake model that was built last: the harness asks for many shapes of one config."""

    def __init__(self) -> None:
        self._key = ""
        self._built: tuple[nn.Module, ReadRecorder, FakeTensorMode] | None = None

    def get(self, config: dict[str, Any]) -> tuple[nn.Module, ReadRecorder, FakeTensorMode]:
        """The fake model of `config`, its reads and the mode it lives in."""
        key = json.dumps(config, sort_keys=True)
        if self._built is None or key != self._key:
            self._built = None
            mode = fake_mode()
            self._built = (*build_fake(config, mode), mode)
            self._key = key
        return self._built


def trace_shapes(model: nn.Module, recorder: ReadRecorder, mode: FakeTensorMode, inputs: Inputs) -> dict[str, Any]:
    """Runs `model` once over all tokens on fake tensors and returns the result of a `shapes` request."""
    sink = ShapeSink()
    stop = None
    phase = Phase("prefill", 0, inputs.input_ids.shape[1], cache=True)
    capture: list[Capture] = []
    try:
        with mode, recording(recorder):
            run_phases(model, inputs, [phase], sink, dtype=_dtype(model), on_capture=capture.append)
    except EngineError:
        raise
    except Exception as error:  # noqa: BLE001 - a stop is this request's result, not its failure
        stop = describe_stop(model, capture[0] if capture else None, error)
    recorder.name_modules(model)
    result = {
        "sites": sink.sites,
        "modules": module_manifest(model),
        "tensors": tensor_manifest(model),
        "config_reads": recorder.reads(),
    }
    return result if stop is None else {**result, "stop": stop}


def _dtype(model: nn.Module) -> torch.dtype:
    return next((parameter.dtype for parameter in model.parameters()), torch.float32)


def describe_stop(model: nn.Module, capture: Capture | None, error: Exception) -> dict[str, Any]:
    """Where and why a forward stopped: the innermost module that was running, found and expected input shape."""
    message = re.sub(r"\s+", " ", str(error)).strip()[:500] or type(error).__name__
    if capture is None or not capture.running:
        return {"site": "", "message": message}
    call = capture.running[-1]
    module = model.get_submodule(call.path)
    leaf = next(module.children(), None) is None
    stop: dict[str, Any] = {"site": f"{call.path}:{'in' if leaf else 'out'}{call.label}", "message": message}
    if leaf and call.input is not None:
        stop["found"] = [int(size) for size in call.input.shape]
        if isinstance(module, nn.Linear):
            stop["expected"] = [*stop["found"][:-1], module.in_features]
    return stop


_models = FakeModels()


def list_shapes(config: dict[str, Any], inputs: Inputs) -> dict[str, Any]:
    """The result of a `shapes` request for the reference. Raises EngineError."""
    return trace_shapes(*_models.get(config), inputs)
