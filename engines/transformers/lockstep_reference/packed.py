"""Attention over several sequences that lie one behind the other (windows, frames) and see only themselves.

Vision towers of transformers cut queries, keys and values at `cu_seqlens` and call their attention once for each piece,
unless some flash attention is asked for: then they hand over everything, and where to cut. The second way is taken
here, under a name with "flash" in it, and the cutting is done as the first way does it, bit for bit. So an engine is
compared at one set of sites, however it cuts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch

# How attention modules get everything at once: transformers looks for "flash" in the implementation's name.
PACKED_NAME = "lockstep_flash"
_ARGUMENTS = ("cu_seq_lens_q", "cu_seq_lens_k", "max_length_q", "max_length_k")

Attend = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor | None]]


def take_packing(kwargs: dict[str, Any]) -> tuple[Packing | None, dict[str, Any]]:
    """How the sequences of a call are packed, None for ordinary ones; and the arguments without those that say it."""
    ends = kwargs.get("cu_seq_lens_q")
    rest = {name: value for name, value in kwargs.items() if name not in _ARGUMENTS}
    if ends is None:
        return None, rest
    places = [int(end) for end in ends]
    return Packing(tuple(slice(*pair) for pair in pairwise(places))), rest


@dataclass(frozen=True)
class Packing:
    """The places of the packed sequences; queries and keys are the same."""

    spans: tuple[slice, ...]

    def attend(
        self, attend: Attend, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Context [B, S, H, D] of each sequence by itself, and probabilities [B, H, S, S], 0 between sequences."""
        parts = [attend(*(states[:, :, span] for states in (query, key, value))) for span in self.spans]
        contexts, probs = zip(*parts, strict=True)
        joined = None if any(part is None for part in probs) else self.blocks(query, list(probs))
        return torch.cat(contexts, dim=1), joined

    def blocks(self, query: torch.Tensor, parts: list[torch.Tensor]) -> torch.Tensor:
        """[B, H, S, S] with one part on each sequence's block, 0 elsewhere."""
        joined = query.new_zeros((*query.shape[:3], query.shape[2]))
        for span, part in zip(self.spans, parts, strict=True):
            joined[:, :, span, span] = part
        return joined

    def of_each(self, square: torch.Tensor) -> list[torch.Tensor]:
        """The blocks [B, H, s, s] of [B, H, S, S]."""
        return [square[:, :, span, span] for span in self.spans]

    def mask(self, query: torch.Tensor) -> torch.Tensor:
        """BOOL [B, 1, S, S], true within a sequence."""
        length = query.shape[2]
        mask = torch.zeros(query.shape[0], 1, length, length, dtype=torch.bool, device=query.device)
        for span in self.spans:
            mask[:, :, span, span] = True
        return mask
