"""Phases that go back to an earlier cache, and the sites of routers, experts and recurrent states."""

from __future__ import annotations

import unittest

import torch
from bench import LLAMA, Bench, text_inputs
from torch import nn

from lockstep_engine.errors import EngineError
from lockstep_engine.pytorch.capture import Capture
from lockstep_engine.pytorch.replay import Replacement
from lockstep_engine.pytorch.sites import outputs
from lockstep_reference.experts import inside_experts
from lockstep_reference.run import exchange_state


class Forks(unittest.TestCase):
    def setUp(self) -> None:
        self.bench = Bench()
        self.addCleanup(self.bench.close)
        self.bench.load(LLAMA)

    def run_phases(self, *phases: tuple[str, int, int, str | None]) -> dict[tuple[str, str], torch.Tensor]:
        described = [
            {"name": name, "start": start, "end": end, "cache": True} | ({"from": origin} if origin else {})
            for name, start, end, origin in phases
        ]
        return self.bench.run(text_inputs(), phases=described)

    def test_a_reused_prefix_does_not_know_what_came_after_it(self) -> None:
        prefill, step = ("prefill", 0, 16, None), ("decode:1", 16, 17, None)
        taps = self.run_phases(prefill, step, ("turn:2", 17, 22, None), ("reuse:1", 16, 17, "prefill"))
        self.assertEqual(taps["turn:2", "cache.1.key"].shape[2], 22)
        self.assertEqual(taps["reuse:1", "cache.1.key"].shape[2], 17)
        for site in ("inputs#position_ids", "cache.1.value", "logits"):
            self.assertTrue(torch.equal(taps["reuse:1", site], taps["decode:1", site]), site)

    def test_a_prefix_can_be_reused_again_and_continued(self) -> None:
        reuses = [(f"reuse:{index}", 16, 20, "prefill") for index in (1, 2)]
        taps = self.run_phases(("prefill", 0, 16, None), *reuses, ("decode:1", 20, 21, None))
        self.assertTrue(torch.equal(taps["reuse:1", "logits"], taps["reuse:2", "logits"]))
        self.assertEqual(taps["decode:1", "cache.0.key"].shape[2], 21)

    def test_what_can_not_be_continued_is_refused(self) -> None:
        for origin, start in (("decode:1", 16), ("prefill", 15)):
            with self.assertRaises(EngineError) as caught:
                self.run_phases(("prefill", 0, 16, None), ("reuse:1", start, 20, origin))
            self.assertIn(f"can't continue phase {origin}", str(caught.exception))


class Outputs(unittest.TestCase):
    def ports(self, *shapes: tuple[int, ...]) -> list[str]:
        return [port for port, _ in outputs(tuple(torch.zeros(shape) for shape in shapes))]

    def test_a_router_has_logits_weights_and_indices(self) -> None:
        self.assertEqual(self.ports((6, 8), (6, 2), (6, 2)), ["out", "out.1", "out.2"])

    def test_probabilities_beside_an_output_are_no_port(self) -> None:
        self.assertEqual(self.ports((2, 6, 8), (2, 4, 6, 6)), ["out"])

    def test_a_number_is_one_output(self) -> None:
        self.assertEqual(self.ports(()), ["out"])


class Recorder:
    """A sink that notes sites."""

    def __init__(self) -> None:
        self.sites: list[str] = []

    def wants(self, site: str) -> bool:
        return True

    def tap(self, site: str, tensor: torch.Tensor) -> None:
        self.sites.append(site)

    def flush(self) -> None:
        pass


class Given:
    """A feed that answers every site with one tensor."""

    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor = tensor

    def take(self, phase: str, site: str) -> torch.Tensor:
        return self.tensor


class Layer:
    """A cache layer of every kind at once."""

    def __init__(self) -> None:
        self.keys = torch.zeros(1, 2, 3, 4)
        self.values = None
        self.conv_states = {0: torch.zeros(1, 5, 4), 1: torch.zeros(1, 6, 4)}
        self.recurrent_states = {0: None}
        self.has_previous_state = {0: True}
        self.cumulative_length = torch.tensor(3)
        self._window = torch.zeros(1)


class States(unittest.TestCase):
    def test_every_tensor_of_a_layer_has_a_site(self) -> None:
        sink = Recorder()
        exchange_state(Layer(), "cache.3.", Capture(nn.Module(), sink))
        self.assertEqual(sink.sites, ["cache.3.key", "cache.3.conv", "cache.3.conv.1"])

    def test_a_replaying_run_goes_on_with_the_engines_state(self) -> None:
        layer, state = Layer(), torch.ones(1, 6, 4)
        exchange_state(
            layer, "cache.3.", Capture(nn.Module(), Recorder(), Replacement(Given(state), lambda: "prefill"))
        )
        self.assertTrue(torch.equal(layer.conv_states[1], state))
        self.assertEqual(layer.conv_states[0].sum(), 0)  # of another shape


class Router(nn.Module):
    """Logits, and the column of the largest."""

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return x, x.argmax(-1, keepdim=True)


class Experts(nn.Module):
    """Marked as transformers marks modules whose forward it may swap."""

    def __init__(self) -> None:
        super().__init__()
        self._is_expert_parallel = False
        self.act_fn = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.act_fn(x)


class Mixture(nn.Module):
    """A router before its experts."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = Router()
        self.experts = Experts()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits, choice = self.gate(x)
        return self.experts(logits) + choice


class Mixtures(unittest.TestCase):
    def test_experts_end_in_themselves(self) -> None:
        sink = Recorder()
        model = Mixture()
        capture = Capture(model, sink, hidden=inside_experts(model))
        self.addCleanup(capture.detach)
        model(torch.eye(3))
        self.assertEqual(sink.sites, ["gate:in", "gate:out", "gate:out.1", "experts:in", "experts:out"])

    def test_the_engines_choice_is_followed_unless_there_is_no_such_expert(self) -> None:
        for engine, expected in ((2, 2), (7, 0)):
            model, choice = Mixture(), torch.full((3, 1), engine)
            capture = Capture(model, Recorder(), Replacement(Given(choice), lambda: "prefill"))
            self.addCleanup(capture.detach)
            logits = torch.tensor([[1.0, 0, 0]] * 3)
            self.assertTrue(torch.equal(model(logits), logits + expected))


if __name__ == "__main__":
    unittest.main()
