"""Proof that taps do not change what they measure, and the switch to the tapped attention that needs it."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from lockstep_engine.errors import INTERNAL, EngineError
from lockstep_engine.phases import Phase
from lockstep_engine.pytorch.copies import share_copy
from lockstep_engine.pytorch.inputs import Inputs, position_ids
from lockstep_reference.attention import NAME
from lockstep_reference.drive import (
    call_arguments,
    forward_parameters,
    is_encoder_decoder,
    model_dtype,
    new_cache,
    prepared_inputs,
    reads_tokens,
)
from lockstep_reference.packed import PACKED_NAME
from lockstep_reference.run import root_output, run_phases

_LENGTH = 6


class CloningSink:
    """Takes every tap and copies it, as a real run does, but keeps nothing."""

    phase = ""

    def wants(self, site: str) -> bool:
        """Everything is taken."""
        return True

    def tap(self, site: str, tensor: torch.Tensor) -> None:
        """Copies the tensor and drops the copy."""
        tensor.clone()

    def flush(self) -> None:
        """Nothing is kept."""


def verify_taps(model: nn.Module, config: dict[str, Any]) -> bool:
    """`verify_taps_on` a short text. False when that is not all the model reads: it has to wait for a run's inputs."""
    probe = probe_inputs(config)
    if is_encoder_decoder(model) or not reads_tokens(model) or not _runs(model, probe):
        return False
    verify_taps_on(model, probe)
    return True


def _runs(model: nn.Module, probe: Inputs) -> bool:
    """False of a forward that wants more than text, such as the images of a pair of towers."""
    try:
        for phase in _phases_of(probe):
            untapped_logits(share_copy(model), probe, phase)
    except Exception as error:  # noqa: BLE001 - what is amiss for other inputs too, the run says where
        print(f"lockstep_reference: the forward does not run on a short text alone: {error}", file=sys.stderr)
        return False
    return True


def settle(model: nn.Module, config: dict[str, Any]) -> None:
    """Lets a model that changes its own weights in its first forward (RWKV rescales them) do so now, once for all.

    Copies share weights, so each would change them again.
    """
    if is_encoder_decoder(model) or not reads_tokens(model):
        return
    before = [parameter._version for parameter in model.parameters()]
    copy = share_copy(model)
    with contextlib.suppress(Exception):
        untapped_logits(copy, probe_inputs(config), Phase("full", 0, _LENGTH, cache=False))
    if before == [parameter._version for parameter in model.parameters()]:
        return
    for module, changed in zip(model.modules(), copy.modules(), strict=True):
        for name, value in vars(changed).items():
            if type(value) is bool:
                setattr(module, name, value)


def verify_taps_on(model: nn.Module, inputs: Inputs) -> None:
    """Gives an eager `model` the attention of `attention.py` and checks that it stays the same model, bit for bit.

    A model that does not use the attention interface, or was set to another attention, keeps its own and has module
    sites only. Raises EngineError when the logits with taps are not bit-equal to those without.
    """
    phases = _phases_of(inputs)
    plain = [untapped_logits(model, inputs, phase) for phase in phases]
    switched = switch_attention(model)
    try:
        tapped = [_tapped_logits(model, inputs, phase) for phase in phases]
    except EngineError as error:
        if not switched:
            raise
        print(f"lockstep_reference: no functional attention sites: {error}", file=sys.stderr)
        _set_attention(model, "eager")
        tapped = [_tapped_logits(model, inputs, phase) for phase in phases]
    for phase, before, after in zip(phases, plain, tapped, strict=True):
        if not _same(before, after):
            raise EngineError(
                INTERNAL,
                f"taps change the logits of {type(model).__name__}, so its runs could not be trusted",
                expected="bit-equal logits with and without taps",
                found=f"a difference of up to {(before - after).abs().max().item():g}",
                where=phase.name,
            )


def _same(before: torch.Tensor, after: torch.Tensor) -> bool:
    """True for equal bits; a model whose logits are not numbers is not changed by taps that leave them so."""
    return before.shape == after.shape and torch.allclose(before, after, rtol=0, atol=0, equal_nan=True)


def _phases_of(inputs: Inputs) -> list[Phase]:
    length = inputs.input_ids.shape[1]
    return [Phase("prefill", 0, length, cache=True), Phase("full", 0, length, cache=False)]


def switch_attention(model: nn.Module) -> bool:
    """Sets a transformers model that uses eager attention to the tapped one; False when it stays as it was."""
    config = getattr(model, "config", None)
    if getattr(config, "_attn_implementation", None) != "eager" or not hasattr(model, "set_attn_implementation"):
        return False
    can_set: Callable[[], bool] | None = getattr(model, "_can_set_attn_implementation", None)
    if can_set is None or not can_set():
        return False
    _set_attention(model, NAME)
    _hand_over_packed(model)
    return True


def _set_attention(model: Any, name: str) -> None:
    model.set_attn_implementation(name)


def _hand_over_packed(model: Any) -> None:
    """Makes attention modules of packed sequences hand over everything at once, see packed.py."""
    towers = [
        module.config
        for module in model.modules()
        if "cu_seqlens" in forward_parameters(type(module)) and hasattr(module, "config")
    ]
    for config in towers:
        if config is not model.config and config is not model.config.get_text_config():
            config._attn_implementation_internal = PACKED_NAME


def untapped_logits(model: nn.Module, inputs: Inputs, phase: Phase) -> torch.Tensor:
    """The output of the bare model for one phase, in whatever attention it is set to."""
    inputs = prepared_inputs(model, inputs)
    cache = new_cache(model) if phase.cache else None
    with torch.no_grad():
        output = root_output(model(**call_arguments(model, inputs, phase, cache, model_dtype(model))))
    assert output is not None, f"{type(model).__name__} returns no tensor"
    return output


def _tapped_logits(model: nn.Module, inputs: Inputs, phase: Phase) -> torch.Tensor:
    logits = run_phases(share_copy(model), inputs, [phase], CloningSink(), dtype=model_dtype(model))
    assert logits is not None
    return logits


def probe_inputs(config: dict[str, Any]) -> Inputs:
    """Two short sequences, the second padded on the left, of ids that stand for no image, audio or padding."""
    text = config.get("text_config")
    parts = [config, text] if isinstance(text, dict) else [config]
    special = {
        value
        for part in parts
        for name, value in part.items()
        if name.endswith(("_id", "_index")) and isinstance(value, int)
    }
    vocabulary = min(int(next((part["vocab_size"] for part in parts if "vocab_size" in part), 1000)), 4096)
    plain = [token for token in range(vocabulary) if token not in special][-2 * _LENGTH :]
    ids = torch.tensor((plain * (2 * _LENGTH))[: 2 * _LENGTH]).reshape(2, _LENGTH)
    mask = torch.ones_like(ids)
    mask[1, :2] = 0
    return Inputs(ids, mask, position_ids(mask), {})
