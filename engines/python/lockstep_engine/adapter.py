"""What an adapter answers: one method for each request. `lockstep_engine.serve` does everything else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from lockstep_engine.controls import Controls
from lockstep_engine.errors import unsupported

Notify = Callable[[str, dict[str, Any]], None]
# The spool directory and the cache directory, as `hello` names them.
Roots = tuple[Path, Path]


class Adapter:
    """An engine behind the protocol. `load` and `run` are all that it must have; the rest is offered by capability.

    Parameters are those of docs/protocol.md, checked against its schema; a result is what is sent back. Whatever a
    method raises reaches the harness as an error. Requests come one after the other, but each `run` in a thread.
    """

    def load(self, params: dict[str, Any], cache: Path) -> dict[str, Any]:
        """Loads a checkpoint: `checkpoint`, `modules`, `tensors`, and `weights_sha256` where it is known."""
        raise unsupported("this engine loads nothing")

    def run(self, params: dict[str, Any], roots: Roots, controls: Controls, notify: Notify) -> dict[str, Any]:
        """Runs phases and sends `taps` notifications under credits: `run`, `batches`, `taps`."""
        raise unsupported("this engine runs nothing")

    def config_reads(self) -> dict[str, Any]:
        """Which module has read which config field since `load`: `reads`."""
        return {"reads": []}

    def unload(self) -> None:
        """Frees the model."""

    def tensors(self, params: dict[str, Any], spool: Path) -> dict[str, Any]:
        """Checksums, and values where asked for, of loaded tensors (capability `tensors`)."""
        raise unsupported("this engine gives no checksums of its tensors")

    def shapes(self, params: dict[str, Any], roots: Roots) -> dict[str, Any]:
        """The shapes of all sites from a config alone (capability `shapes`)."""
        raise unsupported("this engine lists no shapes")

    def explain(self, params: dict[str, Any], spool: Path) -> dict[str, Any]:
        """The changes of itself that come nearest to what an engine had at a site (capability `explain`)."""
        raise unsupported("this engine explains nothing")

    def power(self, params: dict[str, Any]) -> dict[str, Any]:
        """How visible likely changes of itself are at a site (capability `explain`)."""
        raise unsupported("this engine explains nothing")

    def tokenize(self, params: dict[str, Any]) -> dict[str, Any]:
        """The token ids of a text (capability `text`)."""
        raise unsupported("this engine has no tokenizer")

    def generate(self, params: dict[str, Any]) -> dict[str, Any]:
        """The likeliest continuation of token ids (capability `text`)."""
        raise unsupported("this engine continues no text")

    def outline(self, params: dict[str, Any]) -> dict[str, Any]:
        """What a port of an architecture starts from; asked of the reference alone."""
        raise unsupported("this engine outlines no architecture")
