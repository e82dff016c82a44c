"""Tokens: ids of other places of the input where a phase reads its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch

from lockstep_reference.counterfactuals.base import Counterfactual, Scene
from lockstep_reference.counterfactuals.snapshot import Snapshot

# From all ids [B, L], and the phase's first and last place, to those [B, S] that it reads.
Read = Callable[[torch.Tensor, int, int], torch.Tensor]

_VARIANTS: dict[str, tuple[str, Read]] = {
    "as given": ("ids as they stand in the input", lambda ids, start, end: ids[:, start:end]),
    "one early": ("the phase starts one token too early", lambda ids, start, end: ids[:, start - 1 : end - 1]),
    "one late": ("the phase starts one token too late", lambda ids, start, end: ids[:, start + 1 : end + 1]),
    "from 0": ("the phase reads the input from its start", lambda ids, start, end: ids[:, : end - start]),
    "last for all": (
        "the last token read for all",
        lambda ids, start, end: ids[:, end - 1 : end].expand(-1, end - start),
    ),
    "reversed": ("tokens in reverse order", lambda ids, start, end: ids[:, start:end].flip(-1)),
    "first sequence": ("the first sequence for all", lambda ids, start, end: ids[:1, start:end].expand(len(ids), -1)),
}


def tokens(scene: Scene) -> Iterator[Counterfactual]:
    """Other ids at a site that holds the ids of a phase."""
    context = scene.snapshot.context
    if context is None or scene.engine.dtype != torch.int64 or scene.engine.shape[0] != context.input_ids.shape[0]:
        return
    if "position" in scene.snapshot.site or scene.engine.ndim != 2:
        return
    for what, (sentence, read) in _VARIANTS.items():
        yield Counterfactual(f"token/{what}", "tokens", sentence, finish=_reading(read))


def _reading(read: Read) -> Callable[[Snapshot, torch.Tensor], torch.Tensor | None]:
    def finish(snapshot: Snapshot, own: torch.Tensor) -> torch.Tensor | None:
        context = snapshot.context
        if context is None:
            return None
        start = context.end - own.shape[1]
        ids = read(context.input_ids, start, context.end) if start > 0 or read is not _VARIANTS["one early"][1] else own
        return ids.clone() if ids.shape == own.shape else None

    return finish
