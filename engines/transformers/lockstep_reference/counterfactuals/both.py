"""Two changes at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch

from lockstep_reference.counterfactuals.base import Counterfactual
from lockstep_reference.counterfactuals.snapshot import Snapshot


def both(first: Counterfactual, second: Counterfactual) -> Counterfactual:
    """The first change, and the second on top of it."""

    @contextmanager
    def within(snapshot: Snapshot) -> Iterator[None]:
        with ExitStack() as stack:
            for change in (first.within, second.within):
                if change is not None:
                    stack.enter_context(change(snapshot))
            yield

    def finish(snapshot: Snapshot, value: torch.Tensor) -> torch.Tensor | None:
        for change in (first.finish, second.finish):
            changed = value if change is None else change(snapshot, value)
            if changed is None:
                return None
            value = changed
        return value

    return Counterfactual(
        id=f"{first.id} + {second.id}",
        category=first.category if first.category == second.category else f"{first.category} + {second.category}",
        changes=(*first.changes, *second.changes),
        sources=tuple(dict.fromkeys([*first.sources, *second.sources])),
        within=within,
        finish=finish,
        fitted=first.fitted + second.fitted,
        form=first.form or second.form,
        needs=tuple(dict.fromkeys([*first.needs, *second.needs])),
        part=first.part or second.part,
    )
