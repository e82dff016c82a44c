"""Healthy PyTorch engines of the corpus: the unchanged model, on other kernels, in another order of sums."""

from __future__ import annotations

from typing import Any

import torch
import transformers
from torch import nn


def eager(directory: str, config: dict[str, Any], dtype: torch.dtype) -> nn.Module:
    """The unchanged model."""
    return _load(directory, config, dtype, "eager")


def sdpa(directory: str, config: dict[str, Any], dtype: torch.dtype) -> nn.Module:
    """The unchanged model on another attention kernel."""
    return _load(directory, config, dtype, "sdpa")


def _load(directory: str, config: dict[str, Any], dtype: torch.dtype, attention: str) -> nn.Module:
    cls = getattr(transformers, config["architectures"][0])
    return cls.from_pretrained(
        directory, dtype=dtype, attn_implementation=attention, experts_implementation="eager"
    )
