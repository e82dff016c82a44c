"""Phases: which tokens are run as one forward, and what they continue. docs/protocol.md, "Phases"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lockstep_engine.errors import bad_input


@dataclass(frozen=True)
class Phase:
    """A slice of the tokens that is run as one forward."""

    name: str
    start: int
    end: int
    cache: bool
    # The earlier phase whose cache it continues, in place of the latest.
    origin: str | None = None

    @staticmethod
    def of(message: dict[str, Any]) -> Phase:
        """A phase of a `run` message."""
        return Phase(message["name"], message["start"], message["end"], message["cache"], message.get("from"))


def check_phases(phases: list[Phase], length: int) -> None:
    """Raises EngineError for a phase beyond the `length` tokens, or one that continues what is not there."""
    for phase in phases:
        if phase.end > length:
            raise bad_input(
                f"phase {phase.name} ends after the last token",
                expected=f"at most {length}",
                found=str(phase.end),
                where=f"phases, {phase.name}",
            )
    _check_origins(phases)


def _check_origins(phases: list[Phase]) -> None:
    """Raises EngineError for a phase that continues what is no earlier phase with cache, or not at its end."""
    ends: dict[str, int] = {}
    for phase in phases:
        if phase.origin is not None and (not phase.cache or ends.get(phase.origin) != phase.start):
            raise bad_input(
                f"phase {phase.name} can't continue phase {phase.origin}",
                expected=f"an earlier phase with cache that ends at token {phase.start}",
                found=f"one that ends at {ends[phase.origin]}" if phase.origin in ends else "no such phase before it",
                where=f"phases, {phase.name}, from",
            )
        if phase.cache:
            ends[phase.name] = phase.end
