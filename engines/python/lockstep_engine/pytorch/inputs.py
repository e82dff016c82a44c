"""The tensors of an inputs file, for PyTorch."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import torch

from lockstep_engine.inputs import PER_TOKEN, read_tensors


@dataclass
class Inputs:
    """The tensors of an inputs file, docs/protocol.md, "Inputs"."""

    input_ids: torch.Tensor  # [B, S]
    attention_mask: torch.Tensor  # [B, S]
    position_ids: torch.Tensor  # [B, S], or [kinds, B, S] as the model's own `generate` makes them
    token_types: dict[str, torch.Tensor]  # [B, S] each
    modality: dict[str, torch.Tensor] = field(default_factory=dict)
    # False of a model that makes its positions where nobody sees them: `position_ids` are not those then.
    positions_known: bool = True


def read_inputs(file: Path) -> Inputs:
    """Reads an inputs file. Raises EngineError when it is no safetensors file or lacks a tensor."""
    tensors = {name: torch.from_numpy(array) for name, array in read_tensors(file).items()}
    mask = tensors["attention_mask"]
    return Inputs(
        input_ids=tensors["input_ids"],
        attention_mask=mask,
        position_ids=position_ids(mask),
        token_types={name: tensors[name] for name in PER_TOKEN if name in tensors and name.endswith("token_type_ids")},
        modality={name: tensor for name, tensor in tensors.items() if name not in PER_TOKEN},
    )


def position_ids(attention_mask: torch.Tensor) -> torch.Tensor:
    """Position ids [B, S] as `GenerationMixin._prepare_position_ids_for_generation` makes them."""
    return (attention_mask.long().cumsum(-1) - 1).masked_fill(attention_mask == 0, 0)
