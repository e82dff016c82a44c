"""How far healthy ways of making rotary tables lie apart: a noise of their own.

A frequency is a power of the base, and each way to take it rounds otherwise: `base ** x`, `exp(x * log(base))`, a
product. The argument of the exponential is rounded relative to its own size, so a frequency f is off by up to
1 + |ln f| halves of a float32 ulp, and its angle by that share of itself. One way's own rounding says nothing about
another's.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn

# Half an ulp of float32: tables are made in float32 whatever a model computes in.
_HALF_ULP = 2.0**-24


class TableNoise:
    """Runs each rotary module of an oracle once more on other frequencies; knows the noise of what it returned last."""

    def __init__(self, model: nn.Module) -> None:
        self._noise: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        self._handles = [
            module.register_forward_hook(self._after, with_kwargs=True)
            for module in model.modules()
            if any(_is_frequency(name, buffer) for name, buffer in module.named_buffers(recurse=False))
        ]

    def of(self, tensor: torch.Tensor) -> torch.Tensor | None:
        """The noise of each element of a table, for the tensor itself; None of any other tensor."""
        own, noise = self._noise.get(id(tensor), (None, None))
        return noise if own is tensor else None

    def detach(self) -> None:
        """Removes the hooks."""
        for handle in self._handles:
            handle.remove()

    def _after(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        other = copy.copy(module)
        other._buffers = {
            name: _moved(buffer) if buffer is not None and _is_frequency(name, buffer) else buffer
            for name, buffer in module._buffers.items()
        }
        again = _tensors(type(module).forward(other, *args, **kwargs))
        self._noise = {
            id(own): (own, (moved - own).abs())
            for own, moved in zip(_tensors(output), again, strict=True)
            if own.is_floating_point() and own.shape == moved.shape
        }


def _is_frequency(name: str, buffer: torch.Tensor) -> bool:
    return name.endswith("inv_freq") and buffer.is_floating_point()


def _moved(frequencies: torch.Tensor) -> torch.Tensor:
    """The frequencies, each off by what a healthy way of making it may leave."""
    sizes = frequencies.abs().clamp(min=torch.finfo(torch.float32).tiny)
    return frequencies * (1 + _HALF_ULP * (1 + sizes.log().abs()))


def _tensors(output: Any) -> list[torch.Tensor]:
    parts = output if isinstance(output, (tuple, list)) else [output]
    return [part for part in parts if isinstance(part, torch.Tensor)]
