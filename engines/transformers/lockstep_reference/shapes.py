"""Shapes of all sites from a config alone: the model is built and run on fake tensors, without weights."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.fx.experimental.symbolic_shapes import ShapeEnv
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_leaves

from lockstep_engine.phases import Phase
from lockstep_engine.pytorch.inputs import Inputs
from lockstep_engine.pytorch.manifest import DTYPE_NAMES, module_manifest, tensor_manifest
from lockstep_engine.reads import ReadRecorder
from lockstep_reference.config_reads import recording
from lockstep_reference.drive import model_dtype
from lockstep_reference.run import ForwardStoppedError, run_phases
from lockstep_reference.verify import switch_attention

# A forward that stops is a result here; torch would log a second traceback for it.
logging.getLogger("torch._subclasses.fake_tensor").setLevel(logging.CRITICAL)

Build = Callable[[], nn.Module]


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


class RealIndices(TorchDispatchMode):
    """Does for real what is done with indices alone: positions, windows, masks.

    Their values decide shapes, and fake ones have none. What is floating, or has met it, stays fake.
    """

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
        if any(isinstance(tensor, FakeTensor) or tensor.is_floating_point() for tensor in tensors):
            return func(*args, **kwargs)
        if not tensors and not _makes_indices(func, args, kwargs):
            return func(*args, **kwargs)
        with _disable_current_modes():
            return func(*args, **kwargs)


def _makes_indices(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    dtype = kwargs.get("dtype")
    if dtype is not None:
        return not (dtype.is_floating_point or dtype.is_complex)
    return "arange" in str(func) and all(isinstance(value, int) for value in args)


@contextmanager
def blind_initialisers() -> Iterator[None]:
    """Under it no initialiser looks at values, which fake weights do not have: truncated normals draw until all fit."""
    with mock.patch.object(torch.nn.init, "_no_grad_trunc_normal_", lambda tensor, *_args, **_kwargs: tensor):
        yield


def build_fake(build: Build, mode: FakeTensorMode) -> tuple[nn.Module, ReadRecorder]:
    """Runs `build` on fake tensors in `mode`; returns the model and what it read of its config. Raises EngineError."""
    recorder = ReadRecorder()
    with mode, blind_initialisers(), recording(recorder):
        model = build().eval()
    switch_attention(model)
    recorder.name_modules(model)
    return model, recorder


class FakeModels:
    """Keeps the fake model that was built last: the harness asks for many shapes of one config."""

    def __init__(self) -> None:
        self._key = ""
        self._built: tuple[nn.Module, ReadRecorder, FakeTensorMode] | None = None

    def get(self, key: str, build: Build) -> tuple[nn.Module, ReadRecorder, FakeTensorMode]:
        """The fake model that `build` makes, unless the last one has the same `key`; its reads; its mode."""
        if self._built is None or key != self._key:
            self._built = None
            mode = fake_mode()
            self._built = (*build_fake(build, mode), mode)
            self._key = key
        return self._built


def trace_shapes(model: nn.Module, recorder: ReadRecorder, mode: FakeTensorMode, inputs: Inputs) -> dict[str, Any]:
    """Runs `model` once over all tokens on fake tensors and returns the result of a `shapes` request."""
    sink = ShapeSink()
    stop = None
    phase = Phase("prefill", 0, inputs.input_ids.shape[1], cache=True)
    try:
        with mode, RealIndices(), recording(recorder):
            run_phases(model, inputs, [phase], sink, dtype=model_dtype(model))
    except ForwardStoppedError as error:
        # A stop is this request's result, not its failure.
        stop = error.stop
    recorder.name_modules(model)
    result = {
        "sites": sink.sites,
        "modules": module_manifest(model),
        "tensors": tensor_manifest(model),
        "config_reads": recorder.reads(),
    }
    return result if stop is None else {**result, "stop": stop}
