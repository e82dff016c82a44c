"""Copies of a model that cost no memory: each run has hooks of its own."""

from __future__ import annotations

import copy
from typing import Any

from torch import nn


def share_copy(model: nn.Module) -> nn.Module:
    """A copy of the module tree with its own hooks that shares all parameters, buffers and configs."""
    memo: dict[int, Any] = {}
    for tensor in (*model.parameters(), *model.buffers()):
        memo[id(tensor)] = tensor
    for module in model.modules():
        config = getattr(module, "config", None)
        if config is not None:
            memo[id(config)] = config
    return copy.deepcopy(model, memo)
