"""Calls a model as `generate` does: position ids, masks, cache and modality tensors of one phase."""

from __future__ import annotations

import functools
import inspect
import sys
import typing
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import nn
from transformers import DynamicCache, EncoderDecoderCache, PreTrainedModel

from lockstep_engine.errors import bad_input, unsupported
from lockstep_engine.phases import Phase, check_phases
from lockstep_engine.pytorch.inputs import Inputs
from lockstep_reference.positions import makes_positions, own_position_ids

# What phases continue: the tokens of an encoder-decoder are its decoder's.
Cache = DynamicCache | EncoderDecoderCache


# What the forward of an encoder-decoder calls what the inputs file, and the forward of other models, call otherwise.
_OF_DECODER = {name: f"decoder_{name}" for name in ("input_ids", "attention_mask", "position_ids")}
_OF_ENCODER = {f"encoder_{name}": name for name in ("input_ids", "attention_mask")}


def is_encoder_decoder(model: nn.Module) -> bool:
    """True of a model with an encoder whose output the layers of a decoder read."""
    return bool(getattr(getattr(model, "config", None), "is_encoder_decoder", False))


def reads_tokens(model: nn.Module) -> bool:
    """False of a model of images or sounds alone: its forward takes no token ids."""
    tokens = _OF_DECODER["input_ids"] if is_encoder_decoder(model) else "input_ids"
    return tokens in forward_parameters(type(model))


def prepared_inputs(model: nn.Module, inputs: Inputs, *, wide: bool = False) -> Inputs:
    """`inputs` as the forward of `model` takes them: positions, names of other tensors, dtypes; `wide` float64.

    A model whose main input they are does not round it: it is handed over in the dtype that the model computes in. So
    is the oracle's, which works on the same numbers.
    """
    named = inputs.modality
    if is_encoder_decoder(model) or not reads_tokens(model):
        named = {_OF_ENCODER.get(name, name): tensor for name, tensor in named.items()}
    main = getattr(model, "main_input_name", "input_ids")
    if main in named and named[main].is_floating_point():
        named = {**named, main: named[main].to(model_dtype(model))}
    if wide:
        named = {name: tensor.double() if tensor.is_floating_point() else tensor for name, tensor in named.items()}
    own = own_position_ids(model, inputs) if reads_tokens(model) else None
    prepared = replace(inputs, modality=named, positions_known=own is not None)
    return prepared if own is None else replace(prepared, position_ids=own)


@functools.cache
def forward_parameters(cls: type[nn.Module]) -> frozenset[str]:
    """Names of the parameters of a class's forward."""
    return frozenset(inspect.signature(cls.forward).parameters)


def cache_parameter(model: nn.Module) -> str | None:
    """How a forward calls its KV cache: `cache` since transformers 5.24, else `past_key_values` or `cache_params`.

    None when it keeps none. Encoders that can be made decoders (BERT without a head) have the parameter all the same.
    """
    config = getattr(model, "config", None)
    only_encodes = getattr(config, "is_decoder", None) is False and not getattr(config, "is_encoder_decoder", False)
    if only_encodes and isinstance(model, PreTrainedModel) and not model.can_generate():
        return None
    accepted = forward_parameters(type(model))
    name = next((name for name in ("cache", "past_key_values", "cache_params") if name in accepted), None)
    return None if name is None or _cache_class(model, name) is None else name


def _cache_class(model: nn.Module, name: str) -> type[DynamicCache] | None:
    """The class of cache that a forward wants: its own kind of DynamicCache; None of one that is none at all."""
    for module in model.modules():
        wanted = _own_cache_class(type(module), name)
        if wanted is not None:
            return wanted if issubclass(wanted, DynamicCache) else None
    return DynamicCache


@functools.cache
def _own_cache_class(cls: type[nn.Module], name: str) -> type | None:
    """The class of cache that the file of a module defines and the module's forward takes as `name`."""
    parameter = inspect.signature(cls.forward).parameters.get(name)
    hints = () if parameter is None else (parameter.annotation, *typing.get_args(parameter.annotation))
    kinds = (hint for hint in hints if isinstance(hint, type) and hint.__module__ == cls.__module__)
    return next(kinds, None)


def masks_cache_parameter(create_masks: Callable[..., Any]) -> str:
    """How a model's `create_masks_for_generate` calls its KV cache: `cache` since transformers 5.24."""
    return "cache" if "cache" in inspect.signature(create_masks).parameters else "past_key_values"


@functools.cache
def drops_mask(cls: type[nn.Module]) -> bool:
    """True of a recurrent model whose `generate` gives no mask behind the prompt: its forward takes the slice's."""
    prepare = getattr(cls, "prepare_inputs_for_generation", None)
    return prepare is not None and '["attention_mask"] = None' in inspect.getsource(inspect.unwrap(prepare))


@functools.cache
def takes_masks(cls: type[nn.Module]) -> bool:
    """False of a forward that makes its masks itself and can't take a dict of them, one for each kind of layer."""
    module = sys.modules[cls.__module__]
    source = inspect.getsource(module) if hasattr(module, "__file__") else ""
    return not ("create_causal_mask(" in source and "def create_masks_for_generate" in source and "dict)" not in source)


def model_dtype(model: nn.Module) -> torch.dtype:
    """The dtype that `model` computes in: that of its first floating-point parameter."""
    return next((tensor.dtype for tensor in model.parameters() if tensor.is_floating_point()), torch.float32)


def new_cache(model: nn.Module) -> Cache | None:
    """An empty KV cache for `model`; None when it keeps none."""
    config = getattr(model, "config", None)
    if cache_parameter(model) is None or config is None:
        return None
    if is_encoder_decoder(model):
        return EncoderDecoderCache(DynamicCache(config=config), DynamicCache())
    own = _cache_class(model, str(cache_parameter(model)))
    return DynamicCache(config=config) if own in (None, DynamicCache) else own()


def cache_layers(cache: Any) -> tuple[list[Any], list[Any]]:
    """The layers of a cache, and those that hold what the decoder has made of an encoder's output."""
    if isinstance(cache, EncoderDecoderCache):
        return cache.self_attention_cache.layers, cache.cross_attention_cache.layers
    return ([] if cache is None else cache.layers), []


def keep_encoded(model: nn.Module) -> list[Any]:
    """A list that holds what the encoder of an encoder-decoder has made, as soon as it has run."""
    kept: list[Any] = []
    if is_encoder_decoder(model) and hasattr(model, "get_encoder"):
        encoder: nn.Module = model.get_encoder()  # type: ignore[operator]
        encoder.register_forward_hook(lambda module, args, output: kept.append(output))
    return kept


def check_accepts(model: nn.Module, inputs: Inputs, phases: list[Phase]) -> None:
    """Raises EngineError for phases beyond the tokens, a second phase without cache, or unknown modality tensors."""
    check_phases(phases, inputs.input_ids.shape[1])
    if not reads_tokens(model) and not inputs.modality:
        raise bad_input(
            f"{type(model).__name__} reads no tokens, and the inputs file holds nothing else",
            expected=f"one of {', '.join(sorted(forward_parameters(type(model))))}",
            found="input_ids",
        )
    continued = [phase.name for phase in phases if phase.cache and phase.start > 0]
    if continued and cache_parameter(model) is None:
        raise unsupported(
            f"{type(model).__name__} keeps no KV cache that a phase could continue",
            expected="phases that start at token 0",
            found=", ".join(continued),
        )
    unknown = sorted(set(inputs.modality) - forward_parameters(type(model)))
    if unknown:
        raise bad_input(
            f"{type(model).__name__} takes no {', '.join(unknown)}",
            expected=", ".join(sorted(forward_parameters(type(model)))),
            found=", ".join(unknown),
            remedy="Leave these tensors out of the inputs file, or use the multimodal architecture.",
        )


def call_arguments(  # noqa: PLR0917 - what one forward depends on
    model: nn.Module,
    inputs: Inputs,
    phase: Phase,
    cache: Cache | None,
    dtype: torch.dtype,
    encoded: Any = None,
) -> dict[str, Any]:
    """Keyword arguments of `model.forward` for one phase. `dtype` is that of the hidden states.

    `inputs` are prepared; `encoded` is what the encoder made in the first phase, for phases that continue it.
    """
    accepted = forward_parameters(type(model))
    first = phase.start == 0 or not phase.cache
    # A phase on its own sees only its slice; one that continues a cache sees all tokens up to its end.
    seen = phase.start if not phase.cache else 0
    part = slice(phase.start, phase.end)
    positions = inputs.position_ids[..., part]
    arguments: dict[str, Any] = {
        "input_ids": inputs.input_ids[:, part],
        "attention_mask": inputs.attention_mask[:, seen : phase.end],
        "position_ids": positions,
        "use_cache": cache is not None,
    }
    if makes_positions(model):
        del arguments["position_ids"]
    both = is_encoder_decoder(model)
    if not reads_tokens(model):
        # What the inputs file calls so is about tokens; the mask of the model's own input is among `modality`.
        arguments = {}
    if both:
        arguments = {_OF_DECODER.get(name, name): value for name, value in arguments.items()}
    if first:
        arguments |= inputs.modality | {name: ids[:, part] for name, ids in inputs.token_types.items()}
    elif both:
        arguments["encoder_outputs"] = encoded
        arguments |= {name: mask for name, mask in inputs.modality.items() if name == "attention_mask"}
    create_masks: Callable[..., Any] | None = getattr(model, "create_masks_for_generate", None)
    if not both and create_masks is not None and "input_ids" in arguments and takes_masks(type(model)):
        # Some models mask differently here than in a plain forward. Only batch, length, dtype and device are read
        # from inputs_embeds, which `generate` therefore leaves empty too.
        ids = arguments["input_ids"]
        arguments["attention_mask"] = create_masks(
            config=model.config,
            inputs_embeds=torch.empty((*ids.shape, 0), dtype=dtype, device=ids.device),
            attention_mask=arguments["attention_mask"],
            # Without a cache it is that of a prompt, as `generate` has it.
            **{masks_cache_parameter(create_masks): new_cache(model) if cache is None else cache},
            position_ids=positions,
            token_type_ids=arguments.get("token_type_ids"),
            mm_token_type_ids=arguments.get("mm_token_type_ids"),
            is_first_iteration=first,
        )
    elif not both and not first and drops_mask(type(model)):
        arguments["attention_mask"] = inputs.attention_mask[:, part]
    name = cache_parameter(model)
    if name is not None:
        arguments[name] = cache
    return {name: value for name, value in arguments.items() if name in accepted}
