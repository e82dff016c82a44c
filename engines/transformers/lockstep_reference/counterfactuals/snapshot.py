"""Snapshots: calls of the modules that own the sites in question, kept so that they can be run again and again.

While a run replays an engine's (replay.py), a `Recorder` copies the call of the owning module just before it happens:
its arguments, the engine's tensors at the sites inside it, and what its children answered. `Snapshot.value` runs that
one call again, under a change of the reference, and stops as soon as the site is reached.
"""

from __future__ import annotations

import copy
import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from transformers.cache_utils import Cache

from lockstep_engine.pytorch.capture import Capture
from lockstep_engine.pytorch.sites import outputs
from lockstep_engine.sites import parameter_names
from lockstep_reference.counterfactuals.copies import State, answering, copied, restore, state_of
from lockstep_reference.counterfactuals.facts import Fact, fact
from lockstep_reference.counterfactuals.probes import Disturbed, Probe, Reached, Recorded, Trace
from lockstep_reference.drive import cache_layers
from lockstep_reference.oracle import Float64Mode

Within = Callable[["Snapshot"], AbstractContextManager[Any]]
Finish = Callable[["Snapshot", torch.Tensor], torch.Tensor | None]


@dataclass(frozen=True)
class Context:
    """The tokens of a phase, which ends before `end`; ids, mask and types [B, S] are those of the whole input.

    So are `positions`, [B, S] or [B, S, kinds]: the reference's own.
    """

    input_ids: torch.Tensor
    attention_mask: torch.Tensor
    token_types: torch.Tensor | None
    end: int
    positions: torch.Tensor | None = None


class OutOfTime(Exception):  # noqa: N818 - no error: the search ends with what it has
    """The time for a search is over."""


class Snapshot:
    """One call of the module `path`, on the engine's data, that leads to `site` in `phase`."""

    def __init__(self, site: str, phase: str, path: str, capture: Capture, model: nn.Module, *, oracle: bool) -> None:
        self.site = site
        self.phase = phase
        self.path = path
        self.model = model
        self.module = model.get_submodule(path)
        self.oracle = oracle
        self.taps: dict[str, torch.Tensor] = {}
        # The engine's tensors at the same site of other layers.
        self.elsewhere: dict[str, torch.Tensor] = {}
        # The engine's tensors just before the call that could have been its input, by site, the nearest first.
        self.around: dict[str, torch.Tensor] = {}
        self.engine: torch.Tensor | None = None
        self.own: torch.Tensor | None = None
        self.context: Context | None = None
        self.complete = False
        # When a search on it ends, on `time.thread_time`'s clock.
        self.deadline = math.inf
        self.kwargs: dict[str, Any] = {}
        self.depth = 0
        self._capture = capture
        self._args: tuple[Any, ...] = ()
        self._labels: Any = None
        self._running: list[Any] = []
        self._state: State = ({}, {})
        self._children: dict[str, list[Any]] = defaultdict(list)

    def begin(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """The owner is about to run on these arguments."""
        self._args, self.kwargs = copied((args, kwargs))
        self._state = state_of(self.module)
        running = self._capture.running
        self._labels = self._capture.labels.before(self.path, args, kwargs)
        self._running = list(running[:-1] if self.path else running)
        self.depth = len(running)

    def child_answered(self, path: str, output: Any) -> None:
        """A child that the owner called has returned."""
        self._children[path].append(copied(output))

    @property
    def inputs(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments of the call."""
        return self._args, self.kwargs

    def replace_inputs(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Makes the call one on other arguments."""
        self._args, self.kwargs = args, kwargs

    def named(self, name: str) -> Fact:
        """One of the tensors `nearby` as a fact; an argument that was given by its place has its parameter's name."""
        argument = self._arguments().get(name)
        return fact("site", site=name) if argument is None or name in self.taps else argument[0]

    @property
    def nearby(self) -> dict[str, torch.Tensor]:
        """All tensors that might have been taken for the site's: arguments, other layers, the call's own sites."""
        tensors = {name: tensor for name, (_, tensor) in self._arguments().items()}
        return {**tensors, **self.elsewhere, **self.taps}

    def _arguments(self) -> dict[str, tuple[Fact, torch.Tensor]]:
        """The call's tensors, and those in its tuples, each as a fact and itself, by a name for ids."""
        args, kwargs = self.inputs
        positional = parameter_names(type(self.module).forward)
        found = {}
        for name, value in (*enumerate(args), *kwargs.items()):
            called = positional[name] if isinstance(name, int) and name < len(positional) else str(name)
            parts = value if isinstance(value, (tuple, list)) else [value]
            for place, part in enumerate(parts):
                if isinstance(part, torch.Tensor):
                    inside = part is not value
                    made = fact("argument", argument=called, part=place if inside else None)
                    found[f"argument {name}{f'[{place}]' if inside else ''}"] = (made, part)
        return found

    def value(self, within: Within | None = None, finish: Finish | None = None) -> torch.Tensor | None:
        """The site's tensor when the call is run again `within` a change; None when the change breaks the call.

        `finish` changes the tensor itself.
        """
        if time.thread_time() > self.deadline:
            raise OutOfTime
        if self.site.startswith("inputs#"):
            return self.own if finish is None or self.own is None else finish(self, self.own)
        probe = Probe(self.site)
        if not self._again(probe, Recorded(self.taps), within):
            return None
        if probe.value is None or finish is None:
            return self._in_engines_order(probe.value)
        try:
            with torch.no_grad():
                changed = finish(self, probe.value)
        except Exception:  # noqa: BLE001 - as above: it does not fit this tensor
            return None
        return None if changed is None else self._in_engines_order(changed.to(probe.value.dtype))

    def _in_engines_order(self, value: torch.Tensor | None) -> torch.Tensor | None:
        """A router may name the experts that it chose in any order: rows that hold the engine's come in its order."""
        engine = self.engine
        further = ":out." in self.site
        if value is None or engine is None or not further or value.dtype != torch.int64 or value.shape != engine.shape:
            return value
        same = (value.sort(-1).values == engine.sort(-1).values).all(-1, keepdim=True)
        return torch.where(same, engine, value)

    def _again(self, probe: Any, replacement: Any, within: Within | None, *, stubbed: bool = True) -> bool:
        """Makes the call once more; what `probe` has then seen is its result. False when the call breaks."""
        capture = self._capture
        before = capture.sink, capture.replacement, capture.labels, list(capture.running)
        capture.sink, capture.replacement = probe, replacement
        capture.labels = copy.deepcopy(self._labels)
        capture.running[:] = self._running
        state = state_of(self.module)
        restore(self.module, self._state)
        try:
            with ExitStack() as stack:
                stack.enter_context(torch.no_grad())
                stack.enter_context(Float64Mode() if self.oracle else nullcontext())
                if stubbed:
                    stack.enter_context(self._stubbed_children())
                args, kwargs = copied((self._args, self.kwargs), own_layer=getattr(self.module, "layer_idx", None))
                if within is not None:
                    stack.enter_context(within(self))
                output = self.module(*args, **kwargs)
                probe.value = self._after(output, args, kwargs)
        except Reached:
            pass
        except Exception:  # noqa: BLE001 - a change that the module can't run with explains nothing
            return False
        finally:
            restore(self.module, state)
            capture.sink, capture.replacement, capture.labels = before[:3]
            capture.running[:] = before[3]
        return True

    def _after(self, output: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.Tensor | None:
        """The tensor of a site that is read when the owner has returned."""
        if not self.site.startswith("cache."):
            return next((tensor for _, tensor in outputs(output)), None)
        _, index, name = self.site.split(".")
        cache = next((value for value in (*args, *kwargs.values()) if isinstance(value, Cache)), None)
        layers = cache_layers(cache)["cross_" in name]
        return None if cache is None else getattr(layers[int(index)], f"{name.removeprefix('cross_')}s", None)

    def depends(self, sites: list[str]) -> list[str]:
        """The sites of `sites`, later in the call, whose tensors change when the site's does; children run for this."""
        traces = []
        for disturbed in (False, True):
            probe = Trace()
            self._again(probe, Disturbed(self.taps, self.site, disturbed=disturbed), None, stubbed=False)
            traces.append(probe.tensors)
        plain, moved = traces
        return [
            site
            for site in sites
            if site not in plain or site not in moved or not torch.equal(plain[site], moved[site])
        ]

    @property
    def children(self) -> list[str]:
        """Paths of the modules that the owner called."""
        return list(self._children)

    @contextmanager
    def _stubbed_children(self) -> Iterator[None]:
        """Children answer what they answered: their outputs were the engine's anyway."""
        with ExitStack() as stack:
            for path, answers in self._children.items():
                stack.enter_context(answering(self.model.get_submodule(path), answers))
            yield
