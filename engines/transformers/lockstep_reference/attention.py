"""The attention implementation `lockstep`: the model's own eager attention, with its inner tensors tapped."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS, eager_mask
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from lockstep_engine.errors import unsupported
from lockstep_engine.taps import TAPPER, FunctionalTapper
from lockstep_reference.packed import PACKED_NAME, Packing, take_packing


class _EagerName(str):
    """A name that passes for `eager` where modeling code asks for that name, and is registered as its own.

    Code that looks for eager attention to change its masks (sparse indexers) or its way (GPT-2's upcast scores) takes
    the branch of eager attention, as the model does; code that looks an attention up unless it is eager finds it.
    """

    def __eq__(self, other: object) -> bool:
        return other == "eager" or str.__eq__(self, other) is True

    def __ne__(self, other: object) -> bool:
        return str.__ne__(self, other) is True

    __hash__ = str.__hash__


NAME = _EagerName("lockstep")


def register_attention() -> None:
    """Makes `attn_implementation="lockstep"` known.

    The mask function is registered under the same name: without it transformers silently drops the mask.
    """
    for name in (NAME, PACKED_NAME):
        ALL_ATTENTION_FUNCTIONS.register(name, tapped_attention)
        ALL_MASK_ATTENTION_FUNCTIONS.register(name, eager_mask)


def tapped_attention(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    **kwargs: Any,
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Runs the eager attention of the module's own modeling file, so the result is the model's, bit for bit.

    query [B, H, S, D]; key, value [B, KV, T, D]; returns context [B, S, H, D] and probabilities [B, H, S, T].
    Taps in the order of docs/protocol.md. The scores are recomputed with the same operations: eager attention
    does not return them.
    """
    tapper: FunctionalTapper | None = getattr(module, TAPPER, None)
    if tapper is not None and tapper.replaying:
        return _replayed_attention(tapper, module, query, key, value, attention_mask, **kwargs)
    packing, kwargs = take_packing(kwargs)
    context, probs = _eager(module, query, key, value, attention_mask, packing, **kwargs)
    if tapper is not None:
        length = query.shape[-2]
        tapper.tap("q_rope", query)
        tapper.tap("k_rope", key[:, :, -length:])
        tapper.tap("value", value[:, :, -length:])
        if tapper.wants("scores"):
            scores = attention_scores(query, key, kwargs.get("scaling"), kwargs.get("softcap"), packing)
            tapper.tap("scores", scores)
        tapper.tap("mask", readable(attention_mask, query, key, packing))
        if probs is not None:
            tapper.tap("probs", probs)
        tapper.tap("context", context)
    return context, probs


def _replayed_attention(  # noqa: PLR0917 - the arguments of an attention function
    tapper: FunctionalTapper,
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    **kwargs: Any,
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """The same, but each inner tensor, once tapped, is replaced by the engine's: every step is judged alone."""
    packing, kwargs = take_packing(kwargs)
    length = query.shape[-2]
    query = tapper.exchange("q_rope", query)
    # In place: the cache and the layers that share these keys must go on with the engine's, too.
    for name, states in (("k_rope", key), ("value", value)):
        newest = states[:, :, -length:]
        new = tapper.exchange(name, newest)
        if new is not newest:
            newest.copy_(new)
    own_scores = attention_scores(query, key, kwargs.get("scaling"), kwargs.get("softcap"), packing)
    scores = tapper.exchange("scores", own_scores)
    own_mask = readable(attention_mask, query, key, packing)
    mask = tapper.exchange("mask", own_mask)
    if mask is not own_mask and not torch.equal(mask, own_mask):
        lowest = torch.finfo(query.dtype).min
        attention_mask = torch.zeros(mask.shape, dtype=query.dtype, device=query.device).masked_fill(~mask, lowest)
        packing = None
    context, probs = _eager(module, query, key, value, attention_mask, packing, **kwargs)
    if probs is None:
        return tapper.exchange("context", context), None
    own_probs = probs
    stepwise = _is_plain_softmax(own_scores, probs, attention_mask, packing)
    if stepwise and scores is not own_scores:
        probs = _softmax(scores, attention_mask, probs.dtype, packing)
    # Asked of the own probabilities: attention that ends in another way is replayed whole.
    weighs_values = stepwise or torch.equal(_weighted(own_probs, value, packing), context)
    new_probs = tapper.exchange("probs", probs)
    if weighs_values:
        context = _weighted(new_probs, value, packing)
    return tapper.exchange("context", context), probs


def _eager(  # noqa: PLR0917 - the arguments of an attention function
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    packing: Packing | None,
    **kwargs: Any,
) -> tuple[torch.Tensor, torch.Tensor | None]:
    eager = eager_attention(module)
    if packing is None:
        return eager(module, query, key, value, attention_mask, **kwargs)
    return packing.attend(lambda q, k, v: eager(module, q, k, v, attention_mask, **kwargs), query, key, value)


def _weighted(probs: torch.Tensor, value: torch.Tensor, packing: Packing | None) -> torch.Tensor:
    if packing is not None:
        parts = zip(packing.of_each(probs), packing.spans, strict=True)
        return torch.cat([_weighted(part, value[:, :, span], None) for part, span in parts], dim=1)
    return torch.matmul(probs, _repeat_heads(value, probs.shape[1])).transpose(1, 2).contiguous()


def _softmax(
    scores: torch.Tensor, mask: torch.Tensor | None, dtype: torch.dtype, packing: Packing | None
) -> torch.Tensor:
    if packing is not None:
        return packing.blocks(scores, [_softmax(part, mask, dtype, None) for part in packing.of_each(scores)]).to(dtype)
    masked = scores if mask is None else scores + mask
    return nn.functional.softmax(masked, dim=-1, dtype=torch.float32).to(dtype)


def _is_plain_softmax(
    scores: torch.Tensor, probs: torch.Tensor, mask: torch.Tensor | None, packing: Packing | None
) -> bool:
    """False for attention with more than a softmax between scores and probabilities (sinks): it is replayed whole."""
    return torch.equal(_softmax(scores, mask, probs.dtype, packing), probs)


def eager_attention(module: nn.Module) -> Callable[..., tuple[torch.Tensor, torch.Tensor | None]]:
    """`eager_attention_forward` of the file that defines the module's class or one of its base classes."""
    for base in type(module).__mro__:
        function = getattr(sys.modules.get(base.__module__), "eager_attention_forward", None)
        if function is not None:
            return function
    raise unsupported(
        f"{type(module).__name__} has no eager_attention_forward beside it",
        expected="an attention module of transformers, or a subclass of one",
        remedy="Define eager_attention_forward in the module's file.",
    )


def attention_scores(
    query: torch.Tensor,
    key: torch.Tensor,
    scaling: float | None,
    softcap: float | None,
    packing: Packing | None = None,
) -> torch.Tensor:
    """Scaled (and soft-capped) scores [B, H, S, T] before the mask; key heads are repeated as eager does.

    Those of packed sequences are there for all pairs, within a sequence bit for bit those that its attention makes.
    """
    if packing is not None:
        scores = attention_scores(query, key, scaling, softcap)
        for span in packing.spans:
            scores[:, :, span, span] = attention_scores(query[:, :, span], key[:, :, span], scaling, softcap)
        return scores
    key = _repeat_heads(key, query.shape[1])
    scores = torch.matmul(query, key.transpose(2, 3)) * (query.shape[-1] ** -0.5 if scaling is None else scaling)
    return scores if softcap is None else torch.tanh(scores / softcap) * softcap


def _repeat_heads(states: torch.Tensor, heads: int) -> torch.Tensor:
    groups = heads // states.shape[1]
    if groups == 1:
        return states
    return states[:, :, None].expand(-1, -1, groups, -1, -1).reshape(states.shape[0], -1, *states.shape[2:])


def readable(
    mask: torch.Tensor | None, query: torch.Tensor, key: torch.Tensor, packing: Packing | None = None
) -> torch.Tensor:
    """The mask as BOOL [B, 1, S, T], true where a key may be read. Additive masks hold 0 there."""
    if packing is not None:
        return packing.mask(query)
    if mask is None:
        return torch.ones(query.shape[0], 1, query.shape[2], key.shape[2], dtype=torch.bool, device=query.device)
    return mask if mask.dtype == torch.bool else mask == 0
