"""Position ids as a model makes them itself, and as the site `inputs#position_ids` has them."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from transformers import GenerationMixin, PreTrainedModel

from lockstep_engine.pytorch.inputs import Inputs


def own_position_ids(model: nn.Module, inputs: Inputs) -> torch.Tensor | None:
    """Position ids of the whole sequence as the model makes them when nobody gives it any.

    [B, S], or [kinds, B, S] of models whose tokens have several (time, height and width of images): `generate` makes
    them once and counts on from the last one, which comes to the same for text behind the images. A model without
    `generate`, such as an encoder, makes them in its forward: RoBERTa counts from its padding token on. None where
    nobody sees them.
    """
    if getattr(getattr(model, "config", None), "is_encoder_decoder", False):
        return inputs.position_ids
    if makes_positions(model):
        made = _made_in_forward(model, inputs)
        return None if made is None else made.expand(inputs.input_ids.shape).clone()
    own = getattr(type(model), "_prepare_position_ids_for_generation", None)
    common = getattr(GenerationMixin, "_prepare_position_ids_for_generation", None)
    if own is None or own is common:
        return _prepared(model, inputs)
    known = {**inputs.modality, **inputs.token_types, "attention_mask": inputs.attention_mask}
    return own(model, inputs.input_ids, known)


def makes_positions(model: nn.Module) -> bool:
    """True of a model without `generate`, whose forward makes the positions, since nobody gives it any."""
    return isinstance(model, PreTrainedModel) and not model.can_generate()


def _prepared(model: nn.Module, inputs: Inputs) -> torch.Tensor:
    """The positions of a prompt as `prepare_inputs_for_generation` hands them over: PaliGemma counts from 1."""
    prepare = getattr(type(model), "prepare_inputs_for_generation", None)
    if prepare is None or prepare is getattr(GenerationMixin, "prepare_inputs_for_generation", None):
        return inputs.position_ids
    given = {"attention_mask": inputs.attention_mask, "position_ids": inputs.position_ids}
    try:
        prepared = prepare(model, inputs.input_ids, use_cache=False, is_first_iteration=True, **given)
    except Exception:  # noqa: BLE001 - it wants more than positions and a mask, so it does something else with them
        return inputs.position_ids
    positions = prepared.get("position_ids")
    same = isinstance(positions, torch.Tensor) and positions.shape == inputs.position_ids.shape
    return positions if same else inputs.position_ids


class _MadeError(Exception):
    """Ends a forward as soon as its positions are known."""

    def __init__(self, positions: torch.Tensor) -> None:
        super().__init__("the positions are known")
        self.positions = positions


def _made_in_forward(model: nn.Module, inputs: Inputs) -> torch.Tensor | None:
    """Positions [1 or B, S] that the first embedding of positions, or the first rotary module, is called with.

    None where the forward comes to neither, or fails before.
    """
    length = inputs.input_ids.shape[1]

    def meet(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        for value in (*args, *kwargs.values()):
            whole = isinstance(value, torch.Tensor) and not value.is_floating_point() and value.dtype != torch.bool
            if whole and value.ndim in (1, 2) and value.shape[-1] >= length:
                # Some pad their input to whole windows.
                raise _MadeError(value.reshape(-1, value.shape[-1])[:, :length])

    handles = [
        module.register_forward_pre_hook(meet, with_kwargs=True)
        for path, module in model.named_modules()
        if _takes_positions(path.rpartition(".")[2], module)
    ]
    tokens = {"input_ids": inputs.input_ids, "attention_mask": inputs.attention_mask}
    try:
        with torch.no_grad():
            model(**tokens, **inputs.modality)
    except _MadeError as made:
        return made.positions
    except Exception:  # noqa: BLE001 - the run stops there too, and says where
        return None
    finally:
        for handle in handles:
            handle.remove()
    return None


def _takes_positions(name: str, module: nn.Module) -> bool:
    return "rotary" in type(module).__name__.lower() or (isinstance(module, nn.Embedding) and "position" in name)


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
