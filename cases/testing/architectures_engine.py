"""PyTorch engines of many architectures for the tests: the reference's own model, healthy or with one bug planted."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
import transformers
from torch import nn

Factory = Callable[[str | None, dict[str, Any], torch.dtype], nn.Module]


def healthy(
    checkpoint: str | None, config: dict[str, Any], dtype: torch.dtype
) -> nn.Module:
    """The model that a config names, as transformers has it."""
    cls = getattr(transformers, config["architectures"][0])
    if checkpoint is None:
        return cls(cls.config_class(**config))
    return cls.from_pretrained(checkpoint, dtype=dtype, attn_implementation="eager")


def _changed(module: nn.Module, forward: Callable[..., Any]) -> None:
    """Gives one module another forward, called with the module, the right forward and the arguments.

    By a class of its own: copies of the module, each with its own hooks, must call their own children.
    """
    right = type(module).forward

    @functools.wraps(right)
    def changed(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
        return forward(self, functools.partial(right, self), *args, **kwargs)

    module.__class__ = type(
        type(module).__name__,
        (type(module),),
        {"forward": changed, "__module__": type(module).__module__},
    )


def _with(change: Callable[[nn.Module], None]) -> Factory:
    def factory(
        checkpoint: str | None, config: dict[str, Any], dtype: torch.dtype
    ) -> nn.Module:
        model = healthy(checkpoint, config, dtype)
        change(model)
        return model

    return factory


def _eager_experts(model: nn.Module) -> None:
    model.set_experts_implementation("eager")


def _top_k_not_renormalised(model: nn.Module) -> None:
    def forward(
        gate: nn.Module, right: Callable[..., Any], hidden_states: torch.Tensor
    ) -> Any:
        logits, scores, indices = right(hidden_states)
        probs = logits.float().softmax(-1).gather(-1, indices)
        return logits, probs.to(scores.dtype), indices

    _changed(model.model.layers[2].mlp.gate, forward)


def _norm_topk_prob_ignored(model: nn.Module) -> None:
    model.model.layers[2].mlp.gate.norm_topk_prob = False


def _one_expert_less(model: nn.Module) -> None:
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

    _changed(model.model.layers[0].mlp.experts, forward)


def _experts_off_by_one(model: nn.Module) -> None:
    def forward(
        gate: nn.Module, right: Callable[..., Any], hidden_states: torch.Tensor
    ) -> Any:
        logits, scores, indices = right(hidden_states)
        return logits, scores, (indices + 1) % logits.shape[-1]

    _changed(model.model.layers[0].mlp.gate, forward)


def _router_sums_in_halves(model: nn.Module) -> None:
    """Healthy: the logits of every router are sums of two halves, as on two devices."""

    def forward(
        gate: nn.Module, _: Callable[..., Any], hidden_states: torch.Tensor
    ) -> Any:
        flat = hidden_states.reshape(-1, gate.hidden_dim)
        logits = sum(
            map(nn.functional.linear, flat.chunk(2, -1), gate.weight.chunk(2, -1))
        )
        scores, indices = logits.float().softmax(-1).topk(gate.top_k, dim=-1)
        return logits, scores / scores.sum(-1, keepdim=True), indices

    for layer in model.model.layers:
        _changed(layer.mlp.gate, forward)


def _router_in_float32(model: nn.Module) -> None:
    """Healthy: routers work in float32 whatever the model's dtype, as serving engines do."""

    def forward(
        gate: nn.Module, _: Callable[..., Any], hidden_states: torch.Tensor
    ) -> Any:
        logits = nn.functional.linear(
            hidden_states.reshape(-1, gate.hidden_dim).float(), gate.weight.float()
        )
        scores, indices = logits.softmax(-1).topk(gate.top_k, dim=-1)
        return (
            logits.to(hidden_states.dtype),
            scores / scores.sum(-1, keepdim=True),
            indices,
        )

    for layer in model.model.layers:
        _changed(layer.mlp.gate, forward)


def _choice_permuted(model: nn.Module) -> None:
    """Healthy: the chosen experts and their weights in the other order."""

    def forward(
        _: nn.Module, right: Callable[..., Any], hidden_states: torch.Tensor
    ) -> Any:
        logits, scores, indices = right(hidden_states)
        return logits, scores.flip(-1), indices.flip(-1)

    for layer in model.model.layers:
        _changed(layer.mlp.gate, forward)


def _indices_alone_permuted(model: nn.Module) -> None:
    def forward(
        _: nn.Module, right: Callable[..., Any], hidden_states: torch.Tensor
    ) -> Any:
        logits, scores, indices = right(hidden_states)
        return logits, scores, indices.flip(-1)

    _changed(model.model.layers[1].mlp.gate, forward)


def _softmax_before_top_k(model: nn.Module) -> None:
    def forward(
        gate: nn.Module, right: Callable[..., Any], hidden_states: torch.Tensor
    ) -> Any:
        logits, scores, indices = right(hidden_states)
        return logits, logits.softmax(-1).gather(-1, indices).to(scores.dtype), indices

    _changed(model.model.layers[1].mlp.router, forward)


def _sink_dropped(model: nn.Module) -> None:
    with torch.no_grad():
        model.model.layers[1].self_attn.sinks.fill_(-1e4)


def _swiglu_not_clamped(model: nn.Module) -> None:
    model.model.layers[0].mlp.experts.limit = 1e4


def _scaling_factor_dropped(model: nn.Module) -> None:
    model.model.layers[1].mlp.gate.routed_scaling_factor = 1.0


def _groups_ignored(model: nn.Module) -> None:
    gate = model.model.layers[2].mlp.gate
    gate.topk_group = gate.num_group


def _bias_in_weights(model: nn.Module) -> None:
    def forward(
        gate: nn.Module, right: Callable[..., Any], hidden_states: torch.Tensor
    ) -> Any:
        logits, scores, indices = right(hidden_states)
        weights = (logits.sigmoid() + gate.e_score_correction_bias).gather(1, indices)
        weights = weights / weights.sum(-1, keepdim=True) * gate.routed_scaling_factor
        return logits, weights.to(scores.dtype), indices

    _changed(model.model.layers[1].mlp.gate, forward)


def _kv_norm_skipped(model: nn.Module) -> None:
    model.model.layers[0].self_attn.kv_a_layernorm.weight.data.fill_(1)


def _albert_layer(model: nn.Module) -> nn.Module:
    return model.albert.encoder.albert_layer_groups[0].albert_layers[0]


def _third_call_scaled(model: nn.Module) -> None:
    def forward(
        attention: nn.Module, right: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> Any:
        attention.calls = getattr(attention, "calls", 0) + 1
        attention.scaling *= 1.1 if attention.calls % 4 == 3 else 1
        try:
            return right(*args, **kwargs)
        finally:
            attention.scaling /= 1.1 if attention.calls % 4 == 3 else 1

    _changed(_albert_layer(model).attention, forward)


def _second_call_other_norm(model: nn.Module) -> None:
    def forward(
        norm: nn.Module, right: Callable[..., Any], hidden_states: torch.Tensor
    ) -> Any:
        norm.calls = getattr(norm, "calls", 0) + 1
        norm.eps = 2e-2 if norm.calls % 4 == 2 else 1e-3
        return right(hidden_states)

    _changed(_albert_layer(model).full_layer_layer_norm, forward)


def _gelu_tanh(model: nn.Module) -> None:
    model.bert.encoder.layer[1].intermediate.intermediate_act_fn = nn.GELU(
        approximate="tanh"
    )


def _causal(model: nn.Module) -> None:
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

    _changed(model.bert.encoder.layer[2].attention.self, forward)


def _state_lost(states: str, layer: int, mixer: str) -> Callable[[nn.Module], None]:
    """One layer begins every forward with a state of zeros, as an engine does that does not carry it over."""

    def change(model: nn.Module) -> None:
        def forward(
            _: nn.Module, right: Callable[..., Any], *args: Any, **kwargs: Any
        ) -> Any:
            for state in (
                getattr(kwargs["cache"].layers[layer], states).values()
                if kwargs.get("cache")
                else ()
            ):
                if state is not None:
                    state.zero_()
            return right(*args, **kwargs)

        _changed(model.get_submodule(mixer), forward)

    return change


def _time_step_bias_missing(model: nn.Module) -> None:
    model.backbone.layers[2].mixer.dt_bias.data.zero_()


eager_experts = _with(_eager_experts)
top_k_not_renormalised = _with(_top_k_not_renormalised)
norm_topk_prob_ignored = _with(_norm_topk_prob_ignored)
one_expert_less = _with(_one_expert_less)
experts_off_by_one = _with(_experts_off_by_one)
router_sums_in_halves = _with(_router_sums_in_halves)
router_in_float32 = _with(_router_in_float32)
choice_permuted = _with(_choice_permuted)
indices_alone_permuted = _with(_indices_alone_permuted)
softmax_before_top_k = _with(_softmax_before_top_k)
sink_dropped = _with(_sink_dropped)
swiglu_not_clamped = _with(_swiglu_not_clamped)
scaling_factor_dropped = _with(_scaling_factor_dropped)
groups_ignored = _with(_groups_ignored)
bias_in_weights = _with(_bias_in_weights)
kv_norm_skipped = _with(_kv_norm_skipped)
third_call_scaled = _with(_third_call_scaled)
second_call_other_norm = _with(_second_call_other_norm)
gelu_tanh = _with(_gelu_tanh)
causal = _with(_causal)
time_step_bias_missing = _with(_time_step_bias_missing)
mamba_conv_lost = _with(_state_lost("conv_states", 1, "backbone.layers.1.mixer"))
mamba_recurrence_lost = _with(
    _state_lost("recurrent_states", 1, "backbone.layers.1.mixer")
)
delta_conv_lost = _with(_state_lost("conv_states", 2, "model.layers.2.linear_attn"))
delta_recurrence_lost = _with(
    _state_lost("recurrent_states", 0, "model.layers.0.linear_attn")
)
