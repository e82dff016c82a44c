"""Position ids as a model's own `generate` makes them, and as the site `inputs#position_ids` has them."""

from __future__ import annotations

import torch
from torch import nn
from transformers import GenerationMixin

from lockstep_engine.pytorch.inputs import Inputs


def own_position_ids(model: nn.Module, inputs: Inputs) -> torch.Tensor:
    """Position ids of the whole sequence as the model's own `generate` makes them of a prompt.

    [B, S], or [kinds, B, S] of models whose tokens have several (time, height and width of images): `generate` makes
    them once and counts on from the last one, which comes to the same for text behind the images.
    """
    own = getattr(type(model), "_prepare_position_ids_for_generation", None)
    common = getattr(GenerationMixin, "_prepare_position_ids_for_generation", None)
    encodes = getattr(getattr(model, "config", None), "is_encoder_decoder", False)
    if own is None or own is common or encodes:
        return inputs.position_ids
    known = {**inputs.modality, **inputs.token_types, "attention_mask": inputs.attention_mask}
    return own(model, inputs.input_ids, known)


def positions_as_site(positions: torch.Tensor) -> torch.Tensor:
    """The tensor of the site `inputs#position_ids`: [B, S], or [B, S, kinds].

    Of four kinds transformers' first is the number among the tokens, from which packed sequences get their mask: an
    engine has none.
    """
    if positions.ndim == 2:  # noqa: PLR2004 - [B, S]
        return positions
    return _rotating(positions).movedim(0, -1)


def positions_with_site(positions: torch.Tensor, site: torch.Tensor) -> torch.Tensor:
    """`positions` with those of the site in the place of their own."""
    if positions.ndim == 2:  # noqa: PLR2004 - [B, S]
        return site
    of_tokens = positions[: len(positions) - len(_rotating(positions))]
    return torch.cat([of_tokens, site.movedim(-1, 0)])


def _rotating(positions: torch.Tensor) -> torch.Tensor:
    with_tokens = 4
    return positions[1:] if len(positions) == with_tokens else positions
