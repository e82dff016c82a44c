"""Switches a model to the tapped attention, after proof that taps do not change what they measure."""

from __future__ import annotations

import sys
from typing import Any

import torch
from torch import nn

from lockstep_reference.attention import NAME
from lockstep_reference.drive import Inputs, Phase, position_ids
from lockstep_reference.errors import INTERNAL, EngineError
from lockstep_reference.oracle import share_copy
from lockstep_reference.run import run_phases

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


def tap_attention(model: nn.Module, config: dict[str, Any]) -> None:
    """Gives `model` the attention of `attention.py` and checks that it stays the same model, bit for bit.

    An architecture that does not use the attention interface keeps its eager attention and has module sites only.
    Raises EngineError when the logits with taps are not bit-equal to those without.
    """
    if getattr(model.config, "is_encoder_decoder", False) or "input_ids" not in _main_inputs(model):
        return
    inputs = probe_inputs(config)
    phases = [Phase("prefill", 0, _LENGTH, cache=True), Phase("full", 0, _LENGTH, cache=False)]
    plain = [untapped_logits(model, inputs, phase) for phase in phases]
    try:
        model.set_attn_implementation(NAME)
        tapped = [_tapped_logits(model, inputs, phase) for phase in phases]
    except (KeyError, ValueError, NotImplementedError, AttributeError) as error:
        print(f"lockstep_reference: no functional attention sites: {error}", file=sys.stderr)
        model.set_attn_implementation("eager")
        tapped = [_tapped_logits(model, inputs, phase) for phase in phases]
    for phase, before, after in zip(phases, plain, tapped, strict=True):
        if not torch.equal(before, after):
            raise EngineError(
                INTERNAL,
                f"taps change the logits of {type(model).__name__}, so its runs could not be trusted",
                expected="bit-equal logits with and without taps",
                found=f"a difference of up to {(before - after).abs().max().item():g}",
                where=phase.name,
            )


def untapped_logits(model: nn.Module, inputs: Inputs, phase: Phase) -> torch.Tensor:
    """The first output of the bare model for one phase, in whatever attention it is set to."""
    from lockstep_reference.drive import call_arguments, new_cache
    from lockstep_reference.run import root_output

    cache = new_cache(model) if phase.cache else None
    with torch.no_grad():
        output = root_output(model(**call_arguments(model, inputs, phase, cache, next(model.parameters()).dtype)))
    assert output is not None
    return output


def _tapped_logits(model: nn.Module, inputs: Inputs, phase: Phase) -> torch.Tensor:
    logits = run_phases(share_copy(model), inputs, [phase], CloningSink(), dtype=next(model.parameters()).dtype)
    assert logits is not None
    return logits


def probe_inputs(config: dict[str, Any]) -> Inputs:
    """Two short sequences, the second padded on the left, of ids that stand for no image, audio or padding."""
    text = config.get("text_config") if isinstance(config.get("text_config"), dict) else {}
    special = {value for part in (config, text) for name, value in part.items() if name.endswith(("_id", "_index"))
               if isinstance(value, int)}
    vocabulary = int((text or {}).get("vocab_size") or config.get("vocab_size") or 1000)
    plain = [token for token in range(min(vocabulary, 4096)) if token not in special][-2 * _LENGTH :]
    ids = torch.tensor((plain * (2 * _LENGTH))[: 2 * _LENGTH]).reshape(2, _LENGTH)
    mask = torch.ones_like(ids)
    mask[1, :2] = 0
    return Inputs(ids, mask, position_ids(mask), {})


def _main_inputs(model: nn.Module) -> frozenset[str]:
    from lockstep_reference.drive import forward_parameters

    return forward_parameters(type(model))
