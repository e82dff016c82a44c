"""A capture's sink for real runs: copies taps, and writes one safetensors file a layer under credits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from lockstep_reference.controls import Credits

_FLUSH_BYTES = 64 * 1024 * 1024


class SpoolSink:
    """Collects copies of tapped tensors and sends them as `taps` notifications."""

    def __init__(
        self,
        run: str,
        spool: Path,
        credits: Credits,
        notify: Callable[[str, dict[str, Any]], None],
        wants: Callable[[str], bool],
    ) -> None:
        self.wants = wants
        self.phase = ""
        self.batches = 0
        self.taps = 0
        self._run = run
        self._spool = spool
        self._credits = credits
        self._notify = notify
        self._clear()

    def _clear(self) -> None:
        self._tensors: dict[str, torch.Tensor] = {}
        self._sites: list[dict[str, str]] = []
        self._copied: dict[tuple[Any, ...], tuple[str, torch.Tensor]] = {}
        self._bytes = 0

    def tap(self, site: str, tensor: torch.Tensor) -> None:
        """Copies the tensor, or names the copy that this batch already holds of it."""
        self._credits.check()
        if not self.wants(site):
            return
        self._sites.append({"site": site, "tensor": self._copy(tensor)})
        if self._bytes > _FLUSH_BYTES:
            self.flush()

    def _copy(self, tensor: torch.Tensor) -> str:
        key = (tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype, tensor._version)
        known = self._copied.get(key)
        if known is not None and tensor.numel() > 0:
            return known[0]
        name = str(len(self._tensors))
        copy = torch.view_as_real(tensor.detach()) if tensor.is_complex() else tensor.detach()
        self._tensors[name] = copy.clone(memory_format=torch.contiguous_format)
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
        save_file(self._tensors, file)
        self._notify(
            "taps",
            {"run": self._run, "phase": self.phase, "batch": self.batches, "file": str(file), "taps": self._sites},
        )
        self.batches += 1
        self.taps += len(self._sites)
        self._clear()
