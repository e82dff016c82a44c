"""Porting bugs of gemma4_unified that change a healthy PyTorch engine's model in place."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any
from unittest import mock

import torch
from planted import changed
from torch import nn


def _layer(model: nn.Module, index: int) -> nn.Module:
    return model.model.language_model.layers[index]


def norm_eps(model: nn.Module) -> None:
    """One norm of one layer with another eps."""
    _layer(model, 3).input_layernorm.eps = 1.2e-3


def gelu_erf(model: nn.Module) -> None:
    """The exact GELU in one layer."""
    _layer(model, 4).mlp.act_fn = nn.GELU()


def scale(model: nn.Module) -> None:
    """Scores of one layer halved."""
    _layer(model, 2).self_attn.scaling = 0.5


def one_plus_weight(model: nn.Module) -> None:
    """A norm that adds one to its weight."""
    with torch.no_grad():
        _layer(model, 1).self_attn.q_norm.weight += 1


def window(model: nn.Module) -> None:
    """A window one token too long, in masks and caches."""
    model.config.text_config.sliding_window += 1


def theta(model: nn.Module) -> None:
    """All but one frequency of full layers one percent too high."""
    model.model.language_model.rotary_emb.full_attention_inv_freq[1:] *= 1.01


def softcap(model: nn.Module) -> None:
    """Logits without their soft-cap."""
    model.config.get_text_config().final_logit_softcapping = None


def other_layer(model: nn.Module) -> None:
    """k_proj of layer 3 loaded from layer 1."""
    with torch.no_grad():
        _layer(model, 3).self_attn.k_proj.weight.copy_(_layer(model, 1).self_attn.k_proj.weight)


def rope_pairs(model: nn.Module) -> None:
    """Queries and keys of one layer rotated in neighbouring pairs."""

    def pairs(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, unsqueeze_dim: int = 1) -> torch.Tensor:
        # The tables hold each frequency once a half: pairs need it twice in a row.
        cos, sin = (table.chunk(2, -1)[0].repeat_interleave(2, -1).unsqueeze(unsqueeze_dim) for table in (cos, sin))
        turned = torch.stack((-x[..., 1::2], x[..., ::2]), -1).flatten(-2)
        return x * cos + turned * sin

    def forward(self: nn.Module, right: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        with mock.patch.object(sys.modules[type(self).__module__], "apply_rotary_pos_emb", pairs):
            return right(*args, **kwargs)

    changed(_layer(model, 3).self_attn, forward)
