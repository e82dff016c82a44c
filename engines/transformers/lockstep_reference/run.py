"""Runs phases through a captured model; the same code serves real, float64 and shape-only runs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, Protocol

import torch
from torch import nn
from transformers import DynamicCache

from lockstep_reference.capture import Capture, Sink
from lockstep_reference.drive import Inputs, Phase, call_arguments, check_accepts, new_cache
from lockstep_reference.oracle import Float64Mode


class PhaseSink(Sink, Protocol):
    """A sink that is told which phase its taps belong to."""

    phase: str


def run_phases(
    model: nn.Module,
    inputs: Inputs,
    phases: list[Phase],
    sink: PhaseSink,
    *,
    dtype: torch.dtype,
    on_capture: Callable[[Capture], None] = lambda capture: None,
) -> torch.Tensor | None:
    """Runs `phases` in order through `model` and passes every site to `sink`; returns the last logits.

    With dtype float64 `model` is an oracle copy and all operations run in float64. `on_capture` receives the
    capture, whose stack of running modules tells where an exception came from.
    Raises EngineError when the inputs do not fit the model.
    """
    check_accepts(model, inputs, phases)
    oracle = dtype == torch.float64
    if oracle:
        inputs.modality = {
            name: tensor.double() if tensor.is_floating_point() else tensor for name, tensor in inputs.modality.items()
        }
    capture = Capture(model, sink)
    on_capture(capture)
    cache = new_cache(model)
    logits = None
    try:
        with torch.no_grad(), Float64Mode() if oracle else nullcontext():
            for phase in phases:
                sink.phase = phase.name
                capture.start_phase()
                logits = _run_phase(model, inputs, phase, cache if phase.cache else None, sink, dtype)
    finally:
        capture.detach()
    return logits


def _run_phase(
    model: nn.Module, inputs: Inputs, phase: Phase, cache: DynamicCache | None, sink: Sink, dtype: torch.dtype
) -> torch.Tensor | None:
    sink.tap("inputs#position_ids", inputs.position_ids[:, phase.start : phase.end])
    output = model(**call_arguments(model, inputs, phase, cache, dtype))
    for index, layer in enumerate(cache.layers if cache is not None else ()):
        # Layers that read another layer's keys and values store none.
        if getattr(layer, "keys", None) is not None:
            sink.tap(f"cache.{index}.key", layer.keys)
            sink.tap(f"cache.{index}.value", layer.values)
    logits = root_output(output)
    if logits is not None:
        sink.tap("logits", logits)
    sink.flush()
    return logits


def root_output(output: Any) -> torch.Tensor | None:
    """The tensor of the site `logits`: the logits, or the first tensor of a model without a head."""
    logits = getattr(output, "logits", None)
    if isinstance(logits, torch.Tensor):
        return logits
    parts = output.values() if isinstance(output, dict) else output if isinstance(output, tuple) else (output,)
    return next((part for part in parts if isinstance(part, torch.Tensor)), None)
