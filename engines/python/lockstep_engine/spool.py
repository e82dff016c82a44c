"""The sink of real runs: copies taps, and writes one safetensors file a layer under credits."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any, Protocol

from lockstep_engine.controls import Controls
from lockstep_engine.errors import bad_input
from lockstep_engine.sites import site_filter

_FLUSH_BYTES = 64 * 1024 * 1024


class Arrays(Protocol):
    """What the spool asks of a framework's tensors."""

    def key(self, tensor: Any) -> Hashable | None:
        """The same for two tensors that hold the same memory in the same state; None where nobody can tell."""
        ...

    def copy(self, tensor: Any) -> Any:
        """A copy that nothing changes afterwards, with `nbytes`."""
        ...

    def save(self, tensors: dict[str, Any], file: Path) -> None:
        """Writes copies as a safetensors file."""


class SpoolSink:
    """Collects copies of tapped tensors and sends them as `taps` notifications."""

    def __init__(
        self,
        params: dict[str, Any],
        spool: Path,
        controls: Controls,
        notify: Callable[[str, dict[str, Any]], None],
        arrays: Arrays,
    ) -> None:
        """The sink of a `run` request's `params`. Raises EngineError when the run's name can't name files."""
        if not re.fullmatch(r"[\w.-]{1,100}", params["run"]):
            raise bad_input("the run's name must be a file name", found=params["run"], where="run.run")
        self._wanted = site_filter(params.get("sites"))
        # Tells how far healthy ways of making a tensor lie apart; None where nothing is known beside its rounding.
        self.noise_of: Callable[[Any], Any | None] = lambda tensor: None
        self.phase = ""
        self.batches = 0
        self.taps = 0
        self._run = params["run"]
        self._spool = spool
        self._credits = controls.credits
        self._notify = notify
        self._arrays = arrays
        self._clear()

    def wants(self, site: str) -> bool:
        """True when the run asks for the site."""
        return self._wanted(site)

    def result(self) -> dict[str, Any]:
        """The result of the `run` request."""
        return {"run": self._run, "batches": self.batches, "taps": self.taps}

    def _clear(self) -> None:
        self._tensors: dict[str, Any] = {}
        self._sites: list[dict[str, str]] = []
        self._copied: dict[Hashable, tuple[str, Any]] = {}
        self._bytes = 0

    def tap(self, site: str, tensor: Any) -> None:
        """Copies the tensor, or names the copy that this batch already holds of it."""
        self._credits.check()
        if not self.wants(site):
            return
        noise = self.noise_of(tensor)
        told = {} if noise is None else {"noise": self._copy(noise)}
        self._sites.append({"site": site, "tensor": self._copy(tensor), **told})
        if self._bytes > _FLUSH_BYTES:
            self.flush()

    def _copy(self, tensor: Any) -> str:
        key = self._arrays.key(tensor)
        if key is not None and key in self._copied:
            return self._copied[key][0]
        name = str(len(self._tensors))
        copy = self._tensors[name] = self._arrays.copy(tensor)
        if key is not None:
            # The original is kept until the batch is written: its address must not be given to another tensor before.
            self._copied[key] = (name, tensor)
        self._bytes += copy.nbytes
        return name

    def flush(self) -> None:
        """Writes what was collected as one batch, once there is a credit for it."""
        if not self._sites:
            return
        self._credits.spend()
        file = self._spool / f"{self._run}.{self.batches}.safetensors"
        self._arrays.save(self._tensors, file)
        self._notify(
            "taps",
            {"run": self._run, "phase": self.phase, "batch": self.batches, "file": str(file), "taps": self._sites},
        )
        self.batches += 1
        self.taps += len(self._sites)
        self._clear()
