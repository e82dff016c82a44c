"""Sites, ports, labels and copies, without a framework."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path
from typing import Any

import numpy as np
import support  # noqa: F401 - sets the import path
from safetensors.numpy import load_file

from lockstep_engine.arrays import FrozenArrays, NumpyArrays
from lockstep_engine.controls import Controls, Credits
from lockstep_engine.sites import outputs, parameter_names, site_filter
from lockstep_engine.spool import SpoolSink
from lockstep_engine.taps import TAPPER, FunctionalTapper, Taps, tap


class Listing:
    """A sink that keeps sites."""

    def __init__(self) -> None:
        self.sites: list[str] = []

    def wants(self, site: str) -> bool:
        return site != "unwanted#it"

    def tap(self, site: str, tensor: Any) -> None:
        self.sites.append(site)

    def flush(self) -> None:
        self.sites.append("--")


class Sites(unittest.TestCase):
    def setUp(self) -> None:
        self.sink = Listing()
        self.taps = Taps(self.sink, np.ndarray)

    def test_a_step_that_one_call_makes_twice_has_two_sites(self) -> None:
        tapper = FunctionalTapper(self.taps, "attention")
        for _ in range(2):
            self.taps.push("attention", (), {})
            tapper.tap("probs", np.zeros(1))
            tapper.tap("probs", np.zeros(1))
            self.taps.leave(None)
        expected = ["attention#probs", "attention#probs@+1", "attention#probs@1", "attention#probs@1+1"]
        self.assertEqual(self.sink.sites, expected)

    def call(self, path: str, *args: Any, output: Any = None, **kwargs: Any) -> None:
        self.taps.enter(path, args, kwargs)
        self.taps.leave(np.zeros((2, 3)) if output is None else output)

    def test_further_calls_are_labelled_until_the_next_phase(self) -> None:
        x = np.zeros((2, 3))
        for args in ((x,), (x,), (x, "full"), (x, "full")):
            self.call("m", *args)
        self.taps.start_phase()
        self.call("m", x)
        self.assertEqual(self.sink.sites[::2], ["m:in", "m:in@1", "m:in@full", "m:in@full.1", "m:in"])

    def test_a_container_encloses_its_children(self) -> None:
        x = np.zeros((2, 3))
        self.taps.enter("layer", (x,), {})
        self.call("layer.mlp", x)
        self.taps.leave(x, ends_layer=True)
        self.assertEqual(self.sink.sites, ["layer:in", "layer.mlp:in", "layer.mlp:out", "layer:out", "--"])

    def test_the_input_is_the_preferred_name_or_the_first_tensor(self) -> None:
        first, hidden = np.zeros(1), np.zeros(2)
        self.assertIs(self.taps.push("m", (first,), {"hidden_states": hidden}).input, hidden)
        self.assertIs(self.taps.push("m", (7, first), {}).input, first)
        self.assertIs(self.taps.push("m", (first, hidden), {}, ("mask", "x")).input, hidden)
        self.assertIsNone(self.taps.push("m", (7,), {}).input)

    def test_outputs_for_the_same_rows_are_ports(self) -> None:
        logits, weights, probs = np.zeros((2, 3, 8)), np.zeros((2, 3, 2)), np.zeros((2, 4, 3, 3))
        self.assertEqual([port for port, _ in outputs((logits, weights, probs, None), np.ndarray)], ["out", "out.1"])
        self.assertEqual([port for port, _ in outputs({"a": probs, "b": logits}, np.ndarray)], ["out"])
        self.assertEqual(list(outputs(3, np.ndarray)), [])

    def test_a_module_taps_its_functional_sites_by_itself(self) -> None:
        module = type("Attention", (), {})()
        tap(module, "q_rope", np.zeros(1))
        setattr(module, TAPPER, FunctionalTapper(self.taps, "attn"))
        self.taps.push("attn", (), {})
        tap(module, "q_rope", np.zeros(1))
        self.taps.running.pop()
        self.taps.push("attn", (), {})
        tap(module, "q_rope", np.zeros(1))
        self.assertEqual(self.sink.sites, ["attn#q_rope", "attn#q_rope@1"])
        self.assertFalse(FunctionalTapper(self.taps, "unwanted").wants("it"))

    def test_patterns(self) -> None:
        wants = site_filter(["*.0.*:out", "logits"])
        self.assertEqual(
            [wants(site) for site in ("m.0.mlp:out", "m.0.mlp:in", "logits", "xlogits")], [True, False] * 2
        )
        self.assertTrue(site_filter(None)("anything"))

    def test_parameter_names_leave_out_self_and_what_has_no_place(self) -> None:
        def forward(self: Any, a: int, b: int, *rest: int, c: int = 0) -> None: ...

        self.assertEqual(parameter_names(forward), ("a", "b"))


class Spool(unittest.TestCase):
    def batches(self, arrays: NumpyArrays, tensors: dict[str, np.ndarray]) -> tuple[int, dict[str, np.ndarray]]:
        """The number of tensors in the file, and what each site has."""
        with tempfile.TemporaryDirectory() as folder:
            sent: list[dict[str, Any]] = []
            sink = SpoolSink(
                {"run": "r"}, Path(folder), Controls(Credits(1)), lambda _method, params: sent.append(params), arrays
            )
            for site, tensor in tensors.items():
                sink.tap(site, tensor)
                if tensor.flags.writeable:
                    tensor[:] = tensor + 1
            sink.flush()
            sink.flush()
            (batch,) = sent
            stored = load_file(batch["file"])
            return len(stored), {tap["site"]: stored[tap["tensor"]] for tap in batch["taps"]}

    def test_a_tap_is_a_copy_of_that_moment(self) -> None:
        x = np.zeros(2)
        count, taps = self.batches(NumpyArrays(), {"a": x, "b": x})
        self.assertEqual((count, taps["a"].tolist(), taps["b"].tolist()), (2, [0, 0], [1, 1]))

    def test_an_array_that_never_changes_is_stored_once(self) -> None:
        x = np.zeros(2)
        x.flags.writeable = False
        count, taps = self.batches(FrozenArrays(), {"a": x, "b": x})
        self.assertEqual((count, list(taps)), (1, ["a", "b"]))


if __name__ == "__main__":
    unittest.main()
