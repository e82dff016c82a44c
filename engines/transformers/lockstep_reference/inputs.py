"""Inputs files: docs/protocol.md, "Inputs"."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from lockstep_reference.errors import bad_input

# Read by the phases themselves; every other tensor of the inputs file is a modality tensor.
_PER_TOKEN = ("input_ids", "attention_mask", "mm_token_type_ids", "token_type_ids")
# Flat patches, and how those of each item lie.
_GRIDS = {"pixel_values": "image_grid_thw", "pixel_values_videos": "video_grid_thw"}


@dataclass
class Inputs:
    """The tensors of an inputs file, docs/protocol.md, "Inputs"."""

    input_ids: torch.Tensor  # [B, S]
    attention_mask: torch.Tensor  # [B, S]
    position_ids: torch.Tensor  # [B, S], or [kinds, B, S] as the model's own `generate` makes them
    token_types: dict[str, torch.Tensor]  # [B, S] each
    modality: dict[str, torch.Tensor] = field(default_factory=dict)


def read_inputs(file: Path) -> Inputs:
    """Reads an inputs file. Raises EngineError when it is no safetensors file or lacks a tensor."""
    try:
        tensors = load_file(file)
    except SafetensorError as error:
        raise bad_input(f"not a safetensors file: {error}", where=str(file)) from None
    ids = tensors.get("input_ids")
    if ids is None or ids.ndim != 2 or ids.dtype != torch.int64:
        found = "nothing" if ids is None else f"{ids.dtype} {list(ids.shape)}"
        raise bad_input("input_ids must be I64 [B, S]", expected="I64 [B, S]", found=found, where=str(file))
    mask = tensors.get("attention_mask", torch.ones_like(ids))
    per_token = {name: tensor for name, tensor in tensors.items() if name in _PER_TOKEN}
    for name, tensor in {**per_token, "attention_mask": mask}.items():
        if tensor.shape != ids.shape:
            raise bad_input(
                f"{name} must have the shape of input_ids",
                expected=str(list(ids.shape)),
                found=str(list(tensor.shape)),
                where=f"{file}, tensor {name}",
            )
    for patches, grids in _GRIDS.items():
        _check_grids(file, patches, tensors.get(patches), grids, tensors.get(grids))
    return Inputs(
        input_ids=ids,
        attention_mask=mask,
        position_ids=position_ids(mask),
        token_types={name: tensor for name, tensor in per_token.items() if name.endswith("token_type_ids")},
        modality={name: tensor for name, tensor in tensors.items() if name not in _PER_TOKEN},
    )


def _check_grids(file: Path, patches: str, pixels: torch.Tensor | None, grids: str, sizes: torch.Tensor | None) -> None:
    """Raises EngineError for grids that are no sizes of items, or not those of the flat patches."""
    if sizes is None:
        return
    where = f"{file}, tensor {grids}"
    found = f"{list(sizes.shape)} {sizes.flatten().tolist()}"
    if sizes.ndim != 2 or sizes.shape[1] != 3 or sizes.min() < 1:  # noqa: PLR2004
        expected = "positive numbers of patches [items, 3] in time, height and width"
        raise bad_input(f"{grids} must say how patches lie", expected=expected, found=found, where=where)
    count = int(sizes.prod(-1).sum())
    if pixels is not None and pixels.ndim == 2 and len(pixels) != count:  # noqa: PLR2004
        raise bad_input(
            f"{grids} must be those of {patches}",
            expected=f"grids of {len(pixels)} patches in all",
            found=f"{count}: {found}",
            where=where,
        )


def position_ids(attention_mask: torch.Tensor) -> torch.Tensor:
    """Position ids [B, S] as `GenerationMixin._prepare_position_ids_for_generation` makes them."""
    return (attention_mask.long().cumsum(-1) - 1).masked_fill(attention_mask == 0, 0)
