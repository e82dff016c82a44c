"""Tokens: ids of other places of the input where a phase reads its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch

from lockstep_reference.counterfactuals.base import Counterfactual, Scene
from lockstep_reference.counterfactuals.facts import fact
from lockstep_reference.counterfactuals.snapshot import Snapshot

# From all ids [B, L], and the phase's first and last place, to those [B, S] that it reads.
Read = Callable[[torch.Tensor, int, int], torch.Tensor]

# By the name in ids: the fact, and where the ids come from.
_VARIANTS: dict[str, tuple[str, Read]] = {
    "as given": ("as given", lambda ids, start, end: ids[:, start:end]),
    "one early": ("one early", lambda ids, start, end: ids[:, start - 1 : end - 1]),
    "one late": ("one late", lambda ids, start, end: ids[:, start + 1 : end + 1]),
    "from 0": ("from the start of the input", lambda ids, start, end: ids[:, : end - start]),
    "last for all": (
        "last for all",
        lambda ids, start, end: ids[:, end - 1 : end].expand(-1, end - start),
    ),
    "reversed": ("reversed", lambda ids, start, end: ids[:, start:end].flip(-1)),
    "first sequence": ("first sequence for all", lambda ids, start, end: ids[:1, start:end].expand(len(ids), -1)),
}


def tokens(scene: Scene) -> Iterator[Counterfactual]:
    """Other ids at a site that holds the ids of a phase."""
    context = scene.snapshot.context
    if context is None or scene.engine.dtype != torch.int64 or scene.engine.shape[0] != context.input_ids.shape[0]:
        return
    if "position" in scene.snapshot.site or scene.engine.ndim != 2:
        return
    for what, (to, read) in _VARIANTS.items():
        yield Counterfactual(f"token/{what}", "tokens", (fact("tokens", to=to),), finish=_reading(read))


def _reading(read: Read) -> Callable[[Snapshot, torch.Tensor], torch.Tensor | None]:
    def finish(snapshot: Snapshot, own: torch.Tensor) -> torch.Tensor | None:
        context = snapshot.context
        if context is None:
            return None
        start = context.end - own.shape[1]
        ids = read(context.input_ids, start, context.end) if start > 0 or read is not _VARIANTS["one early"][1] else own
        return ids.clone() if ids.shape == own.shape else None

    return finish
