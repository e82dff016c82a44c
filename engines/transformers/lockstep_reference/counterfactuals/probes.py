"""What stands for the sink and the feed while a call is made again."""

from __future__ import annotations

import torch


class Reached(BaseException):  # noqa: N818 - no error: the site's tensor is there, the rest of the call is not needed
    """Ends a call at the site in question. Not an Exception: modeling code must not catch it."""


class Probe:
    """A sink that waits for one site."""

    def __init__(self, site: str) -> None:
        self._site = site
        self.value: torch.Tensor | None = None

    def wants(self, site: str) -> bool:
        return site == self._site

    def tap(self, site: str, tensor: torch.Tensor) -> None:
        if site == self._site:
            self.value = tensor.clone()
            raise Reached

    def flush(self) -> None:
        pass


class Trace:
    """A sink that keeps everything."""

    def __init__(self) -> None:
        self.tensors: dict[str, torch.Tensor] = {}
        self.value: torch.Tensor | None = None

    def wants(self, _site: str) -> bool:
        return True

    def tap(self, site: str, tensor: torch.Tensor) -> None:
        self.tensors[site] = tensor.clone()

    def flush(self) -> None:
        pass


class Disturbed:
    """The engine's tensors up to a site, that site's changed or not, and the reference's own from there on."""

    def __init__(self, taps: dict[str, torch.Tensor], site: str, *, disturbed: bool) -> None:
        self._recorded = Recorded(taps)
        self._site = site
        self._disturbed = disturbed
        self._passed = False

    def of(self, site: str, own: torch.Tensor) -> torch.Tensor:
        if self._passed:
            return own
        self._passed = site == self._site
        found = self._recorded.of(site, own)
        return found * 1.5 + 1 if self._passed and self._disturbed and found.is_floating_point() else found


class Recorded:
    """Stands for the feed: the engine's tensors as they were used in the replay."""

    def __init__(self, taps: dict[str, torch.Tensor]) -> None:
        self._taps = taps

    def of(self, site: str, own: torch.Tensor) -> torch.Tensor:
        found = self._taps.get(site)
        if found is None or found.shape != own.shape:
            return own
        with torch._C.DisableTorchFunction():
            return found.to(own.dtype, copy=True)
