"""A run with random errors of one noise unit at every site: how far a model amplifies rounding on its way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch


class Perturbation:
    """Answers a site's tensor with random errors on it, each element's in proportion to its size.

    `spec` is the `perturb` of a `run` request: a seed, and for each site and phase the noise over the magnitude. Zeros
    stay zeros, so that masks and masked keys stay what they are.
    """

    def __init__(self, spec: dict[str, Any], phase: Callable[[], str]) -> None:
        self._relative = {(one["phase"], one["site"]): one["relative"] for one in spec["noise"]}
        self._phase = phase
        self._generator = torch.Generator().manual_seed(spec["seed"])

    def of(self, site: str, own: torch.Tensor) -> torch.Tensor:
        """`own` with errors on it; itself where no noise is known of the site, or its numbers are not floating."""
        relative = self._relative.get((self._phase(), site))
        if relative is None or not own.is_floating_point():
            return own
        drawn = torch.randn(own.shape, generator=self._generator, dtype=torch.float32)
        disturbed = (own.float() * (1 + relative * drawn)).to(own.dtype)
        # A mask's most negative number has nothing beyond it.
        return torch.where(disturbed.isfinite(), disturbed, own)
