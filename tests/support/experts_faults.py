"""Bugs of mixtures of experts, planted into a PyTorch model; and healthy ways to route that are not the reference's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from planted import changed
from torch import nn


def top_k_not_renormalised(model: nn.Module) -> None:
    def forward(gate: nn.Module, right: Callable[..., Any], hidden_states: torch.Tensor) -> Any:
        logits, scores, indices = right(hidden_states)
        probs = logits.float().softmax(-1).gather(-1, indices)
        return logits, probs.to(scores.dtype), indices

    changed(model.model.layers[2].mlp.gate, forward)


def norm_topk_prob_ignored(model: nn.Module) -> None:
    model.model.layers[2].mlp.gate.norm_topk_prob = False


def one_expert_less(model: nn.Module) -> None:
    """The last of the chosen experts gets the weight of none."""

    def forward(
        _: nn.Module,
        right: Callable[..., Any],
        hidden_states: torch.Tensor,
        index: Any,
        weights: Any,
    ) -> Any:
        weights = weights.clone()
        weights[..., -1] = 0
        return right(hidden_states, index, weights)

    changed(model.model.layers[0].mlp.experts, forward)


def experts_off_by_one(model: nn.Module) -> None:
    def forward(gate: nn.Module, right: Callable[..., Any], hidden_states: torch.Tensor) -> Any:
        logits, scores, indices = right(hidden_states)
        return logits, scores, (indices + 1) % logits.shape[-1]

    changed(model.model.layers[0].mlp.gate, forward)


def router_sums_in_halves(model: nn.Module) -> None:
    """Healthy: the logits of every router are sums of two halves, as on two devices."""

    def forward(gate: nn.Module, _: Callable[..., Any], hidden_states: torch.Tensor) -> Any:
        flat = hidden_states.reshape(-1, gate.hidden_dim)
        logits = sum(map(nn.functional.linear, flat.chunk(2, -1), gate.weight.chunk(2, -1)))
        scores, indices = logits.float().softmax(-1).topk(gate.top_k, dim=-1)
        return logits, scores / scores.sum(-1, keepdim=True), indices

    for layer in model.model.layers:
        changed(layer.mlp.gate, forward)


def router_in_float32(model: nn.Module) -> None:
    """Healthy: routers work in float32 whatever the model's dtype, as serving engines do."""

    def forward(gate: nn.Module, _: Callable[..., Any], hidden_states: torch.Tensor) -> Any:
        logits = nn.functional.linear(hidden_states.reshape(-1, gate.hidden_dim).float(), gate.weight.float())
        scores, indices = logits.softmax(-1).topk(gate.top_k, dim=-1)
        return (
            logits.to(hidden_states.dtype),
            scores / scores.sum(-1, keepdim=True),
            indices,
        )

    for layer in model.model.layers:
        changed(layer.mlp.gate, forward)


def choice_permuted(model: nn.Module) -> None:
    """Healthy: the chosen experts and their weights in the other order."""

    def forward(_: nn.Module, right: Callable[..., Any], hidden_states: torch.Tensor) -> Any:
        logits, scores, indices = right(hidden_states)
        return logits, scores.flip(-1), indices.flip(-1)

    for layer in model.model.layers:
        changed(layer.mlp.gate, forward)


def indices_alone_permuted(model: nn.Module) -> None:
    def forward(_: nn.Module, right: Callable[..., Any], hidden_states: torch.Tensor) -> Any:
        logits, scores, indices = right(hidden_states)
        return logits, scores, indices.flip(-1)

    changed(model.model.layers[1].mlp.gate, forward)


def softmax_before_top_k(model: nn.Module) -> None:
    def forward(gate: nn.Module, right: Callable[..., Any], hidden_states: torch.Tensor) -> Any:
        logits, scores, indices = right(hidden_states)
        return logits, logits.softmax(-1).gather(-1, indices).to(scores.dtype), indices

    changed(model.model.layers[1].mlp.router, forward)


def sink_dropped(model: nn.Module) -> None:
    with torch.no_grad():
        model.model.layers[1].self_attn.sinks.fill_(-1e4)


def swiglu_not_clamped(model: nn.Module) -> None:
    model.model.layers[0].mlp.experts.limit = 1e4


def scaling_factor_dropped(model: nn.Module) -> None:
    model.model.layers[1].mlp.gate.routed_scaling_factor = 1.0


def groups_ignored(model: nn.Module) -> None:
    gate = model.model.layers[2].mlp.gate
    gate.topk_group = gate.num_group


def bias_in_weights(model: nn.Module) -> None:
    def forward(gate: nn.Module, right: Callable[..., Any], hidden_states: torch.Tensor) -> Any:
        logits, scores, indices = right(hidden_states)
        weights = (logits.sigmoid() + gate.e_score_correction_bias).gather(1, indices)
        weights = weights / weights.sum(-1, keepdim=True) * gate.routed_scaling_factor
        return logits, weights.to(scores.dtype), indices

    changed(model.model.layers[1].mlp.gate, forward)


def kv_norm_skipped(model: nn.Module) -> None:
    model.model.layers[0].self_attn.kv_a_layernorm.weight.data.fill_(1)


def value_of_states_before_the_norm(model: nn.Module) -> None:
    """The value projection of one layer reads what its norm was given; the tap of its input shows the normed states."""
    layer = model.model.layers[1]
    given: list[torch.Tensor] = []
    layer.input_layernorm.register_forward_pre_hook(lambda _, args: given.append(args[0]))

    def forward(_: nn.Module, right: Callable[..., Any], _hidden_states: torch.Tensor) -> Any:
        return right(given[-1])

    changed(layer.self_attn.v_proj, forward)
