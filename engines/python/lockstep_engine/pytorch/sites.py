"""The ports of calls of PyTorch modules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import nn

from lockstep_engine import sites


def first_input(module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> torch.Tensor | None:
    """The tensor of a call's `:in` site: a preferred name first, else the first tensor argument."""
    return sites.first_input(sites.parameter_names(type(module).forward), args, kwargs, torch.Tensor)


def outputs(output: Any) -> Iterator[tuple[str, torch.Tensor]]:
    """Ports and tensors of a call's output: the first tensor is `out`, further ones for the same rows `out.1`, ..."""
    return sites.outputs(output, torch.Tensor)
