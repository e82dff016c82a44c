"""PyTorch engines for the tests: the reference's own model, healthy or with one porting bug planted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import transformers
import unified_faults
from torch import nn

Factory = Callable[[str | None, dict[str, Any], torch.dtype], nn.Module]


def healthy(checkpoint: str | None, config: dict[str, Any], dtype: torch.dtype) -> nn.Module:
    """The model that a config names, as transformers has it."""
    cls = getattr(transformers, config["architectures"][0])
    if checkpoint is None:
        return cls(cls.config_class(**config, attn_implementation="eager"))
    return cls.from_pretrained(checkpoint, dtype=dtype, attn_implementation="eager", trust_remote_code=False)


def _with(change: Callable[[nn.Module], None]) -> Factory:
    def factory(checkpoint: str | None, config: dict[str, Any], dtype: torch.dtype) -> nn.Module:
        model = healthy(checkpoint, config, dtype)
        change(model)
        return model

    return factory


norm_eps = _with(unified_faults.norm_eps)
gelu_erf = _with(unified_faults.gelu_erf)
scale = _with(unified_faults.scale)
one_plus_weight = _with(unified_faults.one_plus_weight)
window = _with(unified_faults.window)
theta = _with(unified_faults.theta)
softcap = _with(unified_faults.softcap)


def _llama_layer(model: nn.Module, index: int) -> nn.Module:
    return model.model.layers[index]


def _llama_eps(model: nn.Module) -> None:
    _llama_layer(model, 7).input_layernorm.variance_epsilon = 1e-6


def _llama_gelu(model: nn.Module) -> None:
    _llama_layer(model, 20).mlp.act_fn = nn.GELU()


llama_eps = _with(_llama_eps)
llama_gelu = _with(_llama_gelu)
