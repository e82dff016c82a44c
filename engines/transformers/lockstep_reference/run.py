"""Runs phases through a captured model; the same code serves real, float64 and shape-only runs."""

from __future__ import annotations

import copy
import re
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import nn

from lockstep_engine.errors import INTERNAL, EngineError
from lockstep_engine.phases import Phase
from lockstep_engine.pytorch.capture import Capture
from lockstep_engine.pytorch.inputs import Inputs
from lockstep_engine.pytorch.replay import Feed, Replacement
from lockstep_engine.spool import SpoolSink
from lockstep_engine.taps import Sink
from lockstep_reference.counterfactuals.recorder import Recorder
from lockstep_reference.counterfactuals.snapshot import Snapshot
from lockstep_reference.drive import (
    Cache,
    cache_layers,
    call_arguments,
    check_accepts,
    keep_encoded,
    new_cache,
    prepared_inputs,
)
from lockstep_reference.experts import inside_experts
from lockstep_reference.frequencies import TableNoise
from lockstep_reference.oracle import Float64Mode
from lockstep_reference.perturb import Perturbation
from lockstep_reference.positions import makes_positions, positions_as_site, positions_with_site


class ForwardStoppedError(EngineError):
    """The model's own forward raised. `stop` is the place as in the result of `shapes`."""

    def __init__(self, stop: dict[str, Any]) -> None:
        data = {name: str(stop[name]) for name in ("expected", "found") if name in stop}
        super().__init__(INTERNAL, f"the forward stopped: {stop['message']}", where=stop["site"], **data)
        self.stop = stop


@dataclass
class Wanted:
    """Snapshots that a replaying run is to take, as (site, phase), and those that it has taken."""

    targets: list[tuple[str, str]]
    snapshots: list[Snapshot] = field(default_factory=list)


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
    feed: Feed | None = None,
    wanted: Wanted | None = None,
    perturb: dict[str, Any] | None = None,
) -> torch.Tensor | None:
    """Runs `phases` in order through `model` and passes every site to `sink`; returns the last logits.

    With a `feed` the run replays an engine's, see replay.py, and leaves the snapshots that are `wanted`; with `perturb`
    it has random errors at every site, see perturb.py.
    With dtype float64 `model` is an oracle copy and all operations run in float64.
    Raises EngineError when the inputs do not fit the model, and ForwardStoppedError when its forward fails.
    """
    oracle = dtype == torch.float64
    inputs = prepared_inputs(model, inputs, wide=oracle)
    check_accepts(model, inputs, phases)
    replacement = None if feed is None else Replacement(feed, lambda: sink.phase)
    # Its hooks come before those of the capture, which may put the engine's tables in the place of the own ones.
    tables = TableNoise(model) if oracle and isinstance(sink, SpoolSink) else None
    if tables is not None and isinstance(sink, SpoolSink):
        sink.noise_of = tables.of
    perturbation = None if perturb is None else Perturbation(perturb, lambda: sink.phase)
    capture = Capture(model, sink, replacement or perturbation, hidden=inside_experts(model))
    recorder = None
    if wanted is not None and replacement is not None:
        recorder = Recorder(wanted.targets, capture, model, lambda: sink.phase, oracle=oracle)
        replacement.watch = recorder.saw
    cache = new_cache(model)
    # Caches that a later phase goes back to, as they were right after the phase of that name.
    origins = {phase.origin for phase in phases}
    kept: dict[str, Cache | None] = {}
    logits = None
    # Behind the hooks of the capture, which may put the engine's tensors into it.
    encoded = keep_encoded(model)
    try:
        with torch.no_grad(), Float64Mode() if oracle else nullcontext():
            for phase in phases:
                sink.phase = phase.name
                capture.start_phase()
                if phase.origin is not None:
                    cache = copy.deepcopy(kept[phase.origin])
                carried = encoded[0] if encoded else None
                arguments = call_arguments(model, inputs, phase, cache if phase.cache else None, dtype, carried)
                if inputs.positions_known:
                    own = inputs.position_ids[..., phase.start : phase.end]
                    _exchange_positions(capture, own, arguments, given=not makes_positions(model))
                output = model(**arguments)
                logits = _tap_results(output, cache if phase.cache else None, capture)
                if phase.name in origins:
                    kept[phase.name] = copy.deepcopy(cache)
    except EngineError:
        raise
    except Exception as error:
        # What was tapped up to here is what tells the cause.
        sink.flush()
        raise ForwardStoppedError(describe_stop(model, capture, error)) from error
    finally:
        if tables is not None:
            tables.detach()
        if recorder is None or wanted is None:
            capture.detach()
        else:
            # The hooks stay: snapshots are run again.
            wanted.snapshots += recorder.finish()
    return logits


def _exchange_positions(capture: Capture, own: torch.Tensor, arguments: dict[str, Any], *, given: bool) -> None:
    """Taps the positions and hands the engine's over; a model that is `given` none gets only what it would not make."""
    site = positions_as_site(own)
    positions = capture.exchange("inputs#position_ids", site)
    if given:
        for name in {"position_ids", "decoder_position_ids"} & arguments.keys():
            arguments[name] = positions_with_site(own, positions)
    elif not torch.equal(positions, site):
        arguments["position_ids"] = positions


def _tap_results(output: Any, cache: Cache | None, capture: Capture) -> torch.Tensor | None:
    own, cross = cache_layers(cache)
    for index, layer in enumerate(own):
        exchange_state(layer, f"cache.{index}.", capture)
        if index < len(cross):
            exchange_state(cross[index], f"cache.{index}.cross_", capture)
    for name, states in _states_beside_layers(cache):
        for index, state in enumerate(states):
            if isinstance(state, torch.Tensor):
                states[index] = capture.exchange(f"cache.{index}.{name}", state)
    logits = root_output(output)
    if logits is not None:
        logits = capture.exchange("logits", logits)
    capture.sink.flush()
    return logits


def _states_beside_layers(cache: Cache | None) -> list[tuple[str, list[Any]]]:
    """Lists, one element a layer, in which caches of a model's own keep other states: `linear_cache` is `linear`."""
    own = {} if cache is None else vars(cache)
    return [
        (name.removesuffix("_cache"), held)
        for name, held in own.items()
        if name.endswith("_cache") and isinstance(held, list)
    ]


def exchange_state(layer: Any, prefix: str, capture: Capture) -> None:
    """Taps all tensors that one layer's cache holds, whatever its kind, and goes on with what the capture answers.

    `keys` is the site `<prefix>key`, `conv_states` `<prefix>conv`; of several states of one kind the later ones are
    `.1`, ... Layers that read another layer's keys and values store none.
    """
    for attribute, held in vars(layer).items():
        name = f"{prefix}{attribute.removesuffix('_states').removesuffix('s')}"
        if attribute.startswith("_"):
            continue
        if isinstance(held, torch.Tensor) and held.ndim > 0:
            setattr(layer, attribute, capture.exchange(name, held))
        elif isinstance(held, dict):
            for key, state in held.items():
                if isinstance(state, torch.Tensor) and state.ndim > 0:
                    held[key] = capture.exchange(f"{name}.{key}" if key else name, state)


def root_output(output: Any) -> torch.Tensor | None:
    """The tensor of the site `logits`: the logits, or the first tensor of a model without a head."""
    logits = getattr(output, "logits", None)
    if isinstance(logits, torch.Tensor):
        return logits
    parts = output.values() if isinstance(output, dict) else output if isinstance(output, tuple) else (output,)
    return next((part for part in parts if isinstance(part, torch.Tensor)), None)


def describe_stop(model: nn.Module, capture: Capture, error: Exception) -> dict[str, Any]:
    """Where and why a forward stopped: the innermost module that was running, found and expected input shape."""
    message = re.sub(r"\s+", " ", str(error)).strip()[:500] or type(error).__name__
    if not capture.running:
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
