"""Reads inputs files as numpy arrays: docs/protocol.md, "Inputs"."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from lockstep_engine.errors import bad_input

Array = np.ndarray[Any, Any]

# Read by the phases themselves; every other tensor of the inputs file is a modality tensor.
PER_TOKEN = ("input_ids", "attention_mask", "mm_token_type_ids", "token_type_ids")
# Flat patches, and how those of each item lie.
_GRIDS = {"pixel_values": "image_grid_thw", "pixel_values_videos": "video_grid_thw"}


def read_tensors(file: Path) -> dict[str, Array]:
    """The tensors of an inputs file, `input_ids` and `attention_mask` I64 [B, S] among them. Raises EngineError."""
    try:
        tensors = load_file(file)
    except SafetensorError as error:
        raise bad_input(f"not a safetensors file: {error}", where=str(file)) from None
    if "input_ids" not in tensors:
        _stand_in_for_tokens(file, tensors)
    ids = tensors.get("input_ids")
    if ids is None or ids.ndim != 2 or ids.dtype != np.int64:
        found = "nothing" if ids is None else f"{ids.dtype} {list(ids.shape)}"
        raise bad_input("input_ids must be I64 [B, S]", expected="I64 [B, S]", found=found, where=str(file))
    tensors.setdefault("attention_mask", np.ones_like(ids))
    for name in PER_TOKEN:
        if name in tensors and tensors[name].shape != ids.shape:
            raise bad_input(
                f"{name} must have the shape of input_ids",
                expected=str(list(ids.shape)),
                found=str(list(tensors[name].shape)),
                where=f"{file}, tensor {name}",
            )
    for patches, grids in _GRIDS.items():
        _check_grids(file, patches, tensors.get(patches), grids, tensors.get(grids))
    return tensors


def _stand_in_for_tokens(file: Path, tensors: dict[str, Array]) -> None:
    """Adds one token a row to the inputs of a model that reads none: its phases are `full`, from 0 to 1.

    Their `attention_mask` is about images or sounds, and goes on as the encoder's. Raises EngineError where there are
    none.
    """
    media = [
        array for _, array in sorted(tensors.items()) if np.issubdtype(array.dtype, np.floating) and array.ndim > 0
    ]
    if not media:
        expected = "input_ids I64 [B, S], or images or sounds"
        raise bad_input("the file holds neither input_ids nor media", expected=expected, where=str(file))
    if "attention_mask" in tensors:
        tensors["encoder_attention_mask"] = tensors.pop("attention_mask")
    tensors["input_ids"] = np.zeros((len(media[0]), 1), dtype=np.int64)


def position_ids(attention_mask: Array) -> Array:
    """Position ids I64 [B, S] as `generate` of transformers makes them: the count of real tokens before each."""
    return np.where(attention_mask == 0, 0, attention_mask.astype(np.int64).cumsum(-1) - 1)


def _check_grids(file: Path, patches: str, pixels: Array | None, grids: str, sizes: Array | None) -> None:
    """Raises EngineError for grids that are no sizes of items, or not those of the flat patches."""
    if sizes is None:
        return
    where = f"{file}, tensor {grids}"
    found = f"{list(sizes.shape)} {sizes.flatten().tolist()}"
    if sizes.ndim != 2 or sizes.shape[1] != 3 or sizes.min() < 1:
        expected = "positive numbers of patches [items, 3] in time, height and width"
        raise bad_input(f"{grids} must say how patches lie", expected=expected, found=found, where=where)
    count = int(sizes.prod(-1).sum())
    if pixels is not None and pixels.ndim == 2 and len(pixels) != count:
        raise bad_input(
            f"{grids} must be those of {patches}",
            expected=f"grids of {len(pixels)} patches in all",
            found=f"{count}: {found}",
            where=where,
        )
