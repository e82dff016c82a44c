"""What the harness steers a run with while it goes on.

Imports only the standard library: the reader thread needs it at once.
"""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass, field
from typing import Any

from lockstep_engine.errors import CANCELLED, EngineError


class Credits:
    """The number of batches that the harness is ready to take; shared by the reader and the run's thread."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._cancelled = False
        self._changed = threading.Condition()

    def add(self, count: int) -> None:
        """The harness has read `count` batches."""
        with self._changed:
            self._count += count
            self._changed.notify_all()

    def cancel(self) -> None:
        """Ends the run at its next tap."""
        with self._changed:
            self._cancelled = True
            self._changed.notify_all()

    def check(self) -> None:
        """Raises EngineError when the run was cancelled."""
        if self._cancelled:
            raise EngineError(CANCELLED, "the run was cancelled")

    def spend(self) -> None:
        """Waits for a credit and takes it. Raises EngineError when the run was cancelled."""
        with self._changed:
            self._changed.wait_for(lambda: self._count > 0 or self._cancelled)
            self.check()
            self._count -= 1


@dataclass
class Controls:
    """One run's credits, and the batches that a replaying run works on; None in `feed` says that no more will come."""

    credits: Credits
    feed: queue.SimpleQueue[dict[str, Any] | None] = field(default_factory=queue.SimpleQueue)

    def steer(self, method: str, params: dict[str, Any]) -> None:
        """Takes a notification."""
        if method == "credit":
            self.credits.add(params["credits"])
        elif method == "feed":
            self.feed.put(params["batch"])
        else:
            self.credits.cancel()
            self.feed.put(None)
