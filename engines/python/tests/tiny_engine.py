"""An engine without a framework: two "modules" of numpy, tapped by hand as an engine without hooks taps them."""

from __future__ import annotations

import sys

from lockstep_engine.wire import claim_stdout, fix_hash_seed

fix_hash_seed()
channel = claim_stdout()
print("a library that prints must not corrupt the messages")

from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402

from lockstep_engine.adapter import Adapter, Notify, Roots  # noqa: E402
from lockstep_engine.arrays import NumpyArrays  # noqa: E402
from lockstep_engine.controls import Controls  # noqa: E402
from lockstep_engine.errors import bad_input  # noqa: E402
from lockstep_engine.files import check_input_file  # noqa: E402
from lockstep_engine.inputs import position_ids, read_tensors  # noqa: E402
from lockstep_engine.phases import Phase, check_phases  # noqa: E402
from lockstep_engine.serve import Identity, serve  # noqa: E402
from lockstep_engine.spool import SpoolSink  # noqa: E402
from lockstep_engine.taps import Taps  # noqa: E402

LAYERS = 3


class Tiny(Adapter):
    """Multiplies the token ids by two, once a layer, in place: a tap that is no copy would show it."""

    def load(self, params: dict[str, Any], cache: Path) -> dict[str, Any]:
        """Takes any directory, fails in two ways for others."""
        if params.get("checkpoint") == "crash":
            raise ZeroDivisionError("a crash")
        if not Path(params.get("checkpoint", "")).is_dir():
            raise bad_input("the checkpoint directory does not exist", where=params.get("checkpoint", ""))
        return {"checkpoint": params["checkpoint"], "modules": [], "tensors": []}

    def run(self, params: dict[str, Any], roots: Roots, controls: Controls, notify: Notify) -> dict[str, Any]:
        """One batch a layer, one for the logits."""
        sink = SpoolSink(params, roots[0], controls, notify, NumpyArrays())
        tensors = read_tensors(check_input_file(params["inputs"], roots))
        phases = [Phase.of(phase) for phase in params["phases"]]
        check_phases(phases, tensors["input_ids"].shape[1])
        taps = Taps(sink, np.ndarray)
        for phase in phases:
            sink.phase = phase.name
            taps.start_phase()
            part = slice(phase.start, phase.end)
            taps.exchange("inputs#position_ids", position_ids(tensors["attention_mask"])[:, part])
            states = tensors["input_ids"][:, part].astype(np.float32)
            for layer in range(LAYERS):
                taps.enter(f"model.layers.{layer}", (states,), {})
                states *= 2
                taps.leave(states, ends_layer=True)
            taps.exchange("logits", states[..., None])
            sink.flush()
        return sink.result()


if __name__ == "__main__":
    can = {"dtypes": ["float32"], "shapes": False, "cache": False, "build": False, "oracle": False, "replay": False}
    serve(channel, Identity("tiny", "1", can, Tiny, ("numpy",), {"torch imported": str("torch" in sys.modules)}))
