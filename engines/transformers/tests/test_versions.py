"""Names that changed between versions of transformers: the reference runs with each of them."""

from __future__ import annotations

import unittest
from typing import Any

from torch import nn

from lockstep_reference.drive import cache_parameter, masks_cache_parameter


def taking(name: str) -> nn.Module:
    """A module whose forward takes its cache by this name."""
    scope: dict[str, Any] = {}
    exec(f"def forward(self, input_ids, {name}=None): return input_ids", scope)
    return type("Model", (nn.Module,), {"forward": scope["forward"]})()


class CacheNames(unittest.TestCase):
    def test_a_forward_takes_the_cache_by_the_name_of_its_version(self) -> None:
        for name in ("cache", "past_key_values", "cache_params"):
            self.assertEqual(cache_parameter(taking(name)), name)

    def test_a_forward_without_one_keeps_no_cache(self) -> None:
        self.assertIsNone(cache_parameter(taking("labels")))

    def test_masks_take_the_cache_by_the_name_of_their_version(self) -> None:
        def new(config: Any, cache: Any) -> None: ...

        def old(config: Any, past_key_values: Any) -> None: ...

        self.assertEqual((masks_cache_parameter(new), masks_cache_parameter(old)), ("cache", "past_key_values"))
