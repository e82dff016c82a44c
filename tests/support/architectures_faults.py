"""Bugs of shared layers, encoders and recurrent states, planted into a PyTorch model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from planted import changed
from torch import nn


def _albert_layer(model: nn.Module) -> nn.Module:
    return model.albert.encoder.albert_layer_groups[0].albert_layers[0]


def third_call_scaled(model: nn.Module) -> None:
    def forward(attention: nn.Module, right: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        attention.calls = getattr(attention, "calls", 0) + 1
        attention.scaling *= 1.1 if attention.calls % 4 == 3 else 1
        try:
            return right(*args, **kwargs)
        finally:
            attention.scaling /= 1.1 if attention.calls % 4 == 3 else 1

    changed(_albert_layer(model).attention, forward)


def second_call_other_norm(model: nn.Module) -> None:
    def forward(norm: nn.Module, right: Callable[..., Any], hidden_states: torch.Tensor) -> Any:
        norm.calls = getattr(norm, "calls", 0) + 1
        norm.eps = 2e-2 if norm.calls % 4 == 2 else 1e-3
        return right(hidden_states)

    changed(_albert_layer(model).full_layer_layer_norm, forward)


def gelu_tanh(model: nn.Module) -> None:
    model.bert.encoder.layer[1].intermediate.intermediate_act_fn = nn.GELU(approximate="tanh")


def causal(model: nn.Module) -> None:
    """One layer of an encoder masks as a decoder does."""

    def forward(
        _: nn.Module,
        right: Callable[..., Any],
        hidden_states: torch.Tensor,
        **kwargs: Any,
    ) -> Any:
        length = hidden_states.shape[1]
        lowest = torch.finfo(hidden_states.dtype).min
        causal = torch.full((length, length), lowest, dtype=hidden_states.dtype).triu(1)
        kwargs["attention_mask"] = torch.minimum(kwargs["attention_mask"], causal)
        return right(hidden_states, **kwargs)

    changed(model.bert.encoder.layer[2].attention.self, forward)


def _state_lost(states: str, layer: int, mixer: str) -> Callable[[nn.Module], None]:
    """One layer begins every forward with a state of zeros, as an engine does that does not carry it over."""

    def change(model: nn.Module) -> None:
        def forward(_: nn.Module, right: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            for state in getattr(kwargs["cache"].layers[layer], states).values() if kwargs.get("cache") else ():
                if state is not None:
                    state.zero_()
            return right(*args, **kwargs)

        changed(model.get_submodule(mixer), forward)

    return change


def time_step_bias_missing(model: nn.Module) -> None:
    model.backbone.layers[2].mixer.dt_bias.data.zero_()


mamba_conv_lost = _state_lost("conv_states", 1, "backbone.layers.1.mixer")
mamba_recurrence_lost = _state_lost("recurrent_states", 1, "backbone.layers.1.mixer")
delta_conv_lost = _state_lost("conv_states", 2, "model.layers.2.linear_attn")
delta_recurrence_lost = _state_lost("recurrent_states", 0, "model.layers.0.linear_attn")
