"""Replays an engine's run: every module of the reference works on what the engine recorded just before it.

The reference model runs as usual, but each tensor that the engine recorded at a site takes the place of the
reference's own as soon as that has been tapped: a module's input when it is called, its output when it returns, the
inner tensors of attention, the caches. So every tap of a replaying run is the work of one module, or of one piece of
glue, on the engine's data, and no error is carried on. Masks, positions and cache state come from the reference's own
code on the engine's data.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors.torch import load_file

# Batches that the engine must be ahead before a site counts as not offered: engines may order sites differently.
_LOOKAHEAD = 2


class Feed:
    """The engine's taps, read from `batches` as they are needed. `locate` checks a file's path."""

    def __init__(self, batches: queue.SimpleQueue[dict[str, Any] | None], locate: Callable[[str], Path]) -> None:
        self._batches = batches
        self._locate = locate
        self._taps: dict[tuple[str, str], tuple[int, torch.Tensor]] = {}
        self._read = 0
        self._reached = 0
        self._phases: list[str] = []
        self._ended = False

    def take(self, phase: str, site: str) -> torch.Tensor | None:
        """The engine's tensor at a site, waiting for it; None when the engine does not offer the site."""
        key = (phase, site)
        while key not in self._taps and self._may_come(phase):
            self._add(self._batches.get())
        batch, tensor = self._taps.pop(key, (0, None))
        if batch > self._reached:
            self._reached = batch
            self._forget()
        return tensor

    def _may_come(self, phase: str) -> bool:
        """False when the engine is past the place where a site of `phase` would be."""
        if self._ended:
            return False
        if phase not in self._phases:
            return True
        return phase == self._phases[-1] and self._read <= self._reached + _LOOKAHEAD

    def _add(self, batch: dict[str, Any] | None) -> None:
        if batch is None:
            self._ended = True
            return
        file = self._locate(batch["file"])
        # Not in the oracle's mode, which would widen what the reader takes apart.
        with torch._C.DisableTorchFunction():
            tensors = load_file(file)
        file.unlink()
        self._read += 1
        if batch["phase"] not in self._phases:
            self._phases.append(batch["phase"])
        for tap in batch["taps"]:
            self._taps[batch["phase"], tap["site"]] = (self._read, tensors[tap["tensor"]])

    def _forget(self) -> None:
        # What the reference has not asked for by now is no site of its own.
        for key in [key for key, (batch, _) in self._taps.items() if batch + _LOOKAHEAD < self._reached]:
            del self._taps[key]


class Answers(Protocol):
    """Says what a model goes on with at a site, in the place of its own tensor or as it is."""

    def of(self, site: str, own: torch.Tensor) -> torch.Tensor:
        """The tensor that takes the place of `own`; `own` itself where none does."""
        ...


class Replacement:
    """Hands out the engine's tensor for a site of the phase that is running."""

    def __init__(self, feed: Feed, phase: Callable[[], str]) -> None:
        self._feed = feed
        self._phase = phase
        # Told the engine's tensor of each site as it is used.
        self.watch: Callable[[str, torch.Tensor, torch.Tensor], None] | None = None

    def of(self, site: str, own: torch.Tensor) -> torch.Tensor:
        """The engine's tensor in the dtype of `own`, or `own` when there is none of its shape and kind."""
        found = self._feed.take(self._phase(), site)
        if found is not None:
            found = _along_batch(found, own)
        if found is not None and found.shape != own.shape and self.watch is not None:
            self.watch(site, own, found)
        if found is None or found.shape != own.shape or found.is_floating_point() != own.is_floating_point():
            return own
        if self.watch is not None:
            self.watch(site, own, found)
        # A copy: one tensor serves several sites, and modules may work in place.
        return found.to(own.dtype, copy=True)


def _along_batch(found: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
    """`found` in the shape of `own` where one of them has a batch of 1 and the other's rows are all the same."""
    same_rest = found.ndim == own.ndim > 1 and found.shape[1:] == own.shape[1:]
    if not same_rest or found.shape == own.shape or min(len(found), len(own)) != 1:
        return found
    longer = own if len(found) == 1 else found
    if not torch.equal(longer, longer[:1].expand_as(longer)):
        return found
    return found.expand_as(own) if len(found) == 1 else found[:1]


def replace_argument(
    args: tuple[Any, ...], kwargs: Mapping[str, Any], old: torch.Tensor, new: torch.Tensor
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Arguments with `new` in the place of `old`."""
    return (
        tuple(new if value is old else value for value in args),
        {name: new if value is old else value for name, value in kwargs.items()},
    )


def replace_outputs(output: Any, changes: list[tuple[torch.Tensor, torch.Tensor]]) -> Any:
    """A module's output with tensors replaced, in whatever container it came."""
    if isinstance(output, torch.Tensor):
        return next((new for old, new in changes if old is output), output)
    if isinstance(output, dict):
        for name, value in list(output.items()):
            output[name] = replace_outputs(value, changes)
        return output
    if isinstance(output, (tuple, list)) and type(output) in (tuple, list):
        return type(output)(replace_outputs(part, changes) for part in output)
    return output
