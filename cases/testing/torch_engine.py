"""PyTorch engines for the tests: the reference's own model, healthy or with one porting bug planted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import transformers
from torch import nn

Factory = Callable[[str | None, dict[str, Any], torch.dtype], nn.Module]


def healthy(checkpoint: str | None, config: dict[str, Any], dtype: torch.dtype) -> nn.Module:
    """The model that a config names, as transformers has it."""
    cls = getattr(transformers, config["architectures"][0])
    if checkpoint is None:
        return cls(cls.config_class(**config))
    return cls.from_pretrained(checkpoint, dtype=dtype, attn_implementation="eager")


def _with(change: Callable[[nn.Module], None]) -> Factory:
    def factory(checkpoint: str | None, config: dict[str, Any], dtype: torch.dtype) -> nn.Module:
        model = healthy(checkpoint, config, dtype)
        change(model)
        return model

    return factory


def _layer(model: nn.Module, index: int) -> nn.Module:
    return model.model.language_model.layers[index]


def _norm_eps(model: nn.Module) -> None:
    _layer(model, 3).input_layernorm.eps = 1.2e-3


def _gelu_erf(model: nn.Module) -> None:
    _layer(model, 4).mlp.act_fn = nn.GELU()


def _scale(model: nn.Module) -> None:
    _layer(model, 2).self_attn.scaling = 0.5


def _one_plus_weight(model: nn.Module) -> None:
    with torch.no_grad():
        _layer(model, 1).self_attn.q_norm.weight += 1


def _window(model: nn.Module) -> None:
    model.config.text_config.sliding_window += 1


def _theta(model: nn.Module) -> None:
    rotary = model.model.language_model.rotary_emb
    rotary.full_attention_inv_freq[1:] *= 1.01


def _softcap(model: nn.Module) -> None:
    model.config.get_text_config().final_logit_softcapping = None


norm_eps = _with(_norm_eps)
gelu_erf = _with(_gelu_erf)
scale = _with(_scale)
one_plus_weight = _with(_one_plus_weight)
window = _with(_window)
theta = _with(_theta)
softcap = _with(_softcap)


def _llama_layer(model: nn.Module, index: int) -> nn.Module:
    return model.model.layers[index]


def _llama_eps(model: nn.Module) -> None:
    _llama_layer(model, 7).input_layernorm.variance_epsilon = 1e-6


def _llama_gelu(model: nn.Module) -> None:
    _llama_layer(model, 20).mlp.act_fn = nn.GELU()


llama_eps = _with(_llama_eps)
llama_gelu = _with(_llama_gelu)
