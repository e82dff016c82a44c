"""Facts about changes: what every family yields at sites of several architectures is as the published schema says."""

from __future__ import annotations

import json
import unittest
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from bench import CAUSAL, LLAMA, PHASES, Bench, text_inputs
from json_schema import problems
from safetensors.torch import save_file
from test_grids import CONFIG as GRIDS
from test_grids import inputs as grid_inputs

from lockstep_engine.controls import Controls, Credits
from lockstep_reference.counterfactuals.base import Counterfactual
from lockstep_reference.counterfactuals.both import both
from lockstep_reference.counterfactuals.catalogue import FAMILIES
from lockstep_reference.counterfactuals.facts import Source, about, fact, same_facts
from lockstep_reference.counterfactuals.names import Numbers
from lockstep_reference.counterfactuals.search import make_scene
from lockstep_reference.explain import config_numbers

SCHEMA = json.loads((Path(__file__).parents[3] / "docs" / "protocol.schema.json").read_text())
RESULT = SCHEMA["methods"]["explain"]["result"]
PROPERTIES = RESULT["properties"]["candidates"]["items"]["properties"]
# Of one family at one site; they differ in their numbers.
MOST = 60

EXPERTS: dict[str, Any] = {
    "architectures": ["MixtralForCausalLM"],
    "model_type": "mixtral",
    "vocab_size": 97,
    "hidden_size": 24,
    "intermediate_size": 20,
    "num_hidden_layers": 1,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "num_local_experts": 6,
    "num_experts_per_tok": 2,
    "sliding_window": 5,
    "max_position_embeddings": 64,
}
GRID_PHASES = [
    {"name": "prefill", "start": 0, "end": 9, "cache": True},
    {"name": "full", "start": 0, "end": 11, "cache": False},
]


class Replay:
    """A run of an engine that is the reference, but with a number off at every site that is looked at."""

    def __init__(self, config: dict[str, Any], inputs: dict[str, torch.Tensor], phases: list[dict[str, Any]]) -> None:
        self.bench, self.inputs, self.phases = Bench(), inputs, phases
        self.bench.load(config)
        self.taps = self.bench.run(inputs, phases=phases)

    def scenes(self, sites: list[str], phase: str) -> Iterator[tuple[str, Any]]:
        """The scene at each of the sites."""
        targets = [{"site": site, "phase": phase} for site in sites]
        for oracle in (False, True):
            controls = Controls(Credits(10**9))
            self._feed(controls, {(phase, site) for site in sites})
            request = {
                "run": "replay",
                "inputs": self.bench.write(self.inputs),
                "phases": self.phases,
                "oracle": oracle,
                "replay": True,
                "explain": targets,
            }
            roots = (self.bench.spool, self.bench.cache)
            self.bench.engine.run(request, roots, controls, lambda _method, _batch: None)
        engine = self.bench.engine
        for site in sites:
            found = engine._evidence._phase(site, phase)
            assert found is not None, site
            scene = make_scene(found, Numbers(config_numbers(engine.model), found.oracle.module))
            assert scene is not None, site
            yield site, scene

    def _feed(self, controls: Controls, wrong: set[tuple[str, str]]) -> None:
        for number, (phase, site) in enumerate(self.taps):
            own = self.taps[phase, site]
            file = self.bench.spool / f"feed.{number}.safetensors"
            tensor = _off(own) if (phase, site) in wrong else own
            save_file({"x": tensor.contiguous().clone()}, file)
            controls.feed.put(
                {"phase": phase, "batch": number, "file": str(file), "taps": [{"site": site, "tensor": "x"}]}
            )
        controls.feed.put(None)


def _off(own: torch.Tensor) -> torch.Tensor:
    if own.dtype == torch.bool:
        return ~own
    return own * 1.25 + 0.125 if own.is_floating_point() else own + 1


def facts_of(one: Counterfactual) -> dict[str, Any]:
    """What travels of a counterfactual, as far as families decide on it."""
    return {
        "id": one.id,
        "category": one.category,
        "changes": list(one.changes),
        "part": one.part,
        "fitted": one.fitted,
        "form": one.form,
        "sources": [source.fact() for source in one.sources],
        "about": about(one.changes, one.sources, []),
    }


class FactsOfFamiliesTest(unittest.TestCase):
    """Some hundred changes at each of the sites; a kind or a parameter that the schema lacks fails."""

    def check(self, replay: Replay, sites: list[str], phase: str, families: set[str]) -> None:
        self.addCleanup(replay.bench.close)
        seen = set()
        known = [site for site in sites if (phase, site) in replay.taps]
        self.assertEqual(known, sites)
        for site, scene in replay.scenes(sites, phase):
            for family in FAMILIES:
                for one in islice(family(scene), MOST):
                    seen.add(family.__name__)
                    wrong = [
                        problem
                        for name, value in facts_of(one).items()
                        for problem in problems(value, PROPERTIES[name], RESULT, name)
                    ]
                    self.assertEqual(wrong, [], f"{one.id} at {site}: {facts_of(one)}")
        self.assertEqual(families - seen, set())

    def test_of_a_llama(self) -> None:
        layer = "model.layers.1"
        ports = ["self_attn#q_rope", "self_attn#scores", "self_attn#mask", "self_attn.q_proj:out", "mlp.act_fn:out"]
        sites = [f"{layer}.{port}" for port in (*ports, "input_layernorm:out")] + [
            f"{layer}:out",
            "model.rotary_emb:out",
        ]
        families = {"changes", "configs", "elementwise", "entering", "frequencies", "indices", "masks", "matrices"}
        families |= {"modules", "moves", "norms", "precision", "rope", "scalars", "terms", "weights"}
        self.check(Replay(LLAMA, text_inputs(), PHASES[:3]), [*sites, "inputs#position_ids"], "prefill", families)

    def test_of_a_gemma(self) -> None:
        sites = [
            "model.layers.1.self_attn.q_norm:out",
            "model.layers.1.self_attn#q_rope",
            "model.layers.2.self_attn#mask",
            "cache.0.key",
            "logits",
        ]
        self.check(
            Replay(CAUSAL, text_inputs(), PHASES[:3]), sites, "chunk:0", {"masks", "norms", "rope_tables", "terms"}
        )

    def test_of_experts(self) -> None:
        gate = "model.layers.0.mlp.gate"
        sites = [f"{gate}:out.1", f"{gate}:out.2", "model.layers.0.self_attn#mask"]
        self.check(Replay(EXPERTS, text_inputs(), PHASES[:3]), sites, "prefill", {"routing", "masks"})

    def test_of_positions_of_several_kinds(self) -> None:
        sites = [
            "inputs#position_ids",
            "model.visual.blocks.0.attn#q_rope",
            "model.language_model.layers.0.self_attn#q_rope",
        ]
        replay = Replay(GRIDS, grid_inputs(), GRID_PHASES)
        self.check(replay, sites, "prefill", {"grids", "positions", "packing"})


class FactsTest(unittest.TestCase):
    """What is made of facts without a model."""

    def test_what_changes_name_is_what_they_are_about(self) -> None:
        named = {"value": 1.0, "name": fact("field", path="text.head_dim", value=14.0, power=-0.5)}
        changes = (fact("number", found=named), fact("module left out", module="layers.1.mlp", output="zeros"))
        line = Source("modeling.py", 3, "x / self.config.soft_cap")
        self.assertEqual(
            about(changes, (line,), ["text.soft_cap", "text.other"]), ["text.head_dim", "layers.1.mlp", "text.soft_cap"]
        )

    def test_numbers_that_differ_behind_the_sixth_digit_say_the_same(self) -> None:
        self.assertTrue(same_facts(fact("x", by=0.87310001), fact("x", by=0.87310002)))
        self.assertFalse(same_facts(fact("x", by=0.8731), fact("x", by=0.8732)))
        self.assertFalse(same_facts(fact("x", by=1), fact("y", by=1)))

    def test_two_changes_are_two_facts_and_their_fitted_numbers_add_up(self) -> None:
        first = Counterfactual("a", "norm", (fact("x"),), needs=("padding",), fitted=1)
        second = Counterfactual("b", "mask", (fact("y"),), needs=("cache",), fitted=2)
        pair = both(first, second)
        self.assertEqual(pair.changes, (fact("x"), fact("y")))
        self.assertEqual((pair.fitted, pair.needs, pair.form), (3, ("padding", "cache"), False))

    def test_the_key_of_a_change_is_its_id_without_its_place_in_the_source(self) -> None:
        one = Counterfactual("scalar/Norm:166.0/add=1", "scalar", (fact("x"),), place=":166.0")
        self.assertEqual(one.key, "scalar/Norm/add=1")


if __name__ == "__main__":
    unittest.main()
