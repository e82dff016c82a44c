"""The feed of a replaying run: what it waits for, and when it gives up."""

from __future__ import annotations

import queue
import tempfile
import unittest
from pathlib import Path
from typing import Any

import bench  # noqa: F401 - puts the package on the path
import torch
from safetensors.torch import save_file

from lockstep_engine.pytorch.replay import Feed, Replacement


class FeedTest(unittest.TestCase):
    """An engine's batches are put into the queue beforehand: a `take` that waited for more would hang."""

    def setUp(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.batches: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self.feed = Feed(self.batches, Path)
        self.count = 0

    def put(self, phase: str, **sites: float) -> Path:
        file = Path(self.folder.name) / f"{self.count}.safetensors"
        self.count += 1
        save_file({site: torch.tensor([value]) for site, value in sites.items()}, file)
        taps = [{"site": site, "tensor": site} for site in sites]
        self.batches.put({"phase": phase, "batch": self.count, "file": str(file), "taps": taps})
        return file

    def test_takes_a_site_and_deletes_its_file(self) -> None:
        file = self.put("prefill", a=1.0)
        self.assertEqual(self.feed.take("prefill", "a"), torch.tensor([1.0]))
        self.assertFalse(file.exists())

    def test_one_batch_a_phase_is_enough_to_know_what_is_missing(self) -> None:
        self.put("prefill", a=1.0)
        self.put("decode:1", a=2.0)
        self.assertIsNone(self.feed.take("prefill", "b"))
        self.assertEqual(self.feed.take("prefill", "a"), torch.tensor([1.0]))
        self.assertEqual(self.feed.take("decode:1", "a"), torch.tensor([2.0]))

    def test_a_site_may_come_a_little_later(self) -> None:
        self.put("prefill", a=1.0)
        self.put("prefill", c=3.0)
        self.put("prefill", b=2.0)
        self.assertEqual(self.feed.take("prefill", "b"), torch.tensor([2.0]))
        self.assertEqual(self.feed.take("prefill", "c"), torch.tensor([3.0]))

    def test_nothing_comes_after_the_end(self) -> None:
        self.put("prefill", a=1.0)
        self.batches.put(None)
        self.assertIsNone(self.feed.take("prefill", "b"))
        self.assertIsNone(self.feed.take("decode:1", "a"))

    def test_another_shape_is_no_replacement(self) -> None:
        self.put("prefill", a=1.0)
        own = torch.zeros(2)
        self.assertIs(Replacement(self.feed, lambda: "prefill").of("a", own), own)


if __name__ == "__main__":
    unittest.main()
