"""The model of transformers with attention as vLLM's generic Transformers backend built it (vllm#44494)."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch_engine import healthy
from transformers.models.gemma4_unified import modeling_gemma4_unified as modeling


class BackendAttention(modeling.Gemma4UnifiedTextAttention):
    """The model's projections, norms and rotary embedding around an attention core of the backend's own."""


def eager_attention_forward(  # noqa: PLR0917 - the arguments of an attention function
    module: BackendAttention,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    **kwargs: Any,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The core: it writes `core_head_dim` channels a head, however many the model's heads have."""
    cut = (states[..., : module.core_head_dim] for states in (query, key, value))
    return modeling.eager_attention_forward(module, *cut, attention_mask, **kwargs)


def one_head_dim(checkpoint: str | None, config: dict[str, Any], dtype: torch.dtype) -> nn.Module:
    """Every layer's core is made from the one `head_dim` of config.json, which the config class refuses to name."""
    model = healthy(checkpoint, config, dtype)
    head_dim = config["text_config"]["head_dim"]
    for layer in model.model.language_model.layers:
        layer.self_attn.__class__ = BackendAttention
        layer.self_attn.core_head_dim = head_dim
    return model
