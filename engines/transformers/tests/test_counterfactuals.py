"""The parts of counterfactuals that need no model: names of numbers, errors and blocks, operations seen and changed."""

from __future__ import annotations

import unittest

import bench  # noqa: F401 - sets the import path
import torch
from torch import nn
from torch.nn import functional

from lockstep_engine.phases import Phase
from lockstep_reference.counterfactuals.base import _other
from lockstep_reference.counterfactuals.error import ErrorMeasure, real_elements, runs_of
from lockstep_reference.counterfactuals.families.changes import _number_of_largest
from lockstep_reference.counterfactuals.families.masks import Rule
from lockstep_reference.counterfactuals.names import Numbers
from lockstep_reference.counterfactuals.operations import EVERY, Changed, Listing, together
from lockstep_reference.counterfactuals.power import _same_function


def _numbers() -> Numbers:
    module = nn.Identity()
    module.scaling = 1.0  # type: ignore[assignment]
    return Numbers({"text_config": {"head_dim": 14, "final_logit_softcapping": 2.5, "pad_token_id": 7}}, module)


def _measure(engine: torch.Tensor, noise: float = 1e-6) -> ErrorMeasure:
    return ErrorMeasure(engine, noise, torch.ones(engine.shape, dtype=torch.bool))


def _twice(x: torch.Tensor) -> torch.Tensor:
    for _ in range(2):
        x = functional.silu(x) + 1
    return x


class CounterfactualsTest(unittest.TestCase):
    def test_a_number_is_called_by_the_simplest_thing_that_it_is(self) -> None:
        numbers = _numbers()
        self.assertEqual(numbers.name(30.0000001, 1e-6), (30.0, {"kind": "usual"}))
        root = {"kind": "field", "path": "text_config.head_dim", "value": 14.0, "power": -0.5}
        self.assertEqual(numbers.name(14**-0.5, 1e-6), (14**-0.5, root))
        self.assertIsNone(numbers.name(0.7777, 1e-6))
        self.assertIsNone(numbers.name(7.0, 1e-6))  # the id of a token is no number of the model

    def test_small_numbers_are_not_zero(self) -> None:
        self.assertEqual(_numbers().name(1e-6, 0.02), (1e-6, {"kind": "usual"}))

    def test_a_number_of_the_module_is_called_by_its_attribute(self) -> None:
        numbers = Numbers({"head_dim": 14}, nn.LayerNorm(4, eps=3e-4))
        attribute = {"kind": "attribute", "path": "eps", "value": 3e-4, "power": 1.0}
        self.assertEqual(numbers.origin(3e-4), {"value": 3e-4, "name": attribute})
        self.assertEqual(numbers.origin(1.0), {"value": 1.0, "name": None})

    def test_every_name_in_an_interval_is_listed(self) -> None:
        self.assertEqual([value for value, _ in _numbers().within(1.2e-6, 0.5)], [1e-6])

    def test_the_score_is_the_error_in_noise_units(self) -> None:
        engine = torch.ones(4, 6)
        self.assertLess(abs(_measure(engine).score(engine + 5e-6) - 5), 0.5)
        self.assertEqual(_measure(engine).score(engine), 0)
        self.assertEqual(_measure(engine).score(torch.ones(4, 5)), float("inf"))

    def test_an_infinity_on_one_side_is_no_agreement_and_a_nan_neither(self) -> None:
        engine = torch.tensor([[1.0, float("nan")]])
        self.assertGreater(_measure(engine).score(engine.clone()), 1e20)
        lowest = torch.tensor([[1.0, float("-inf")]])
        self.assertEqual(_measure(lowest).score(lowest.clone()), 0)

    def test_the_block_of_the_error_is_found_by_axis(self) -> None:
        reference, engine = torch.randn(2, 5, 4), None
        engine = reference.clone()
        engine[:, 3] *= 2
        slab = _measure(engine).failing_slab(reference)
        self.assertIsNotNone(slab)
        self.assertEqual(slab.parts, {1: (5, (3,))})
        self.assertEqual(runs_of((0, 1, 2, 7)), [[0, 2], [7, 7]])
        self.assertIsNone(slab.mask(torch.Size([2, 6, 4])))

    def test_an_error_everywhere_has_no_block(self) -> None:
        reference = torch.randn(3, 4)
        self.assertIsNone(_measure(reference + 1).failing_slab(reference))

    def test_padding_is_known_by_the_kind_of_site(self) -> None:
        mask = torch.tensor([[0, 0, 1, 1], [1, 1, 1, 1]])
        early, whole = Phase("chunk:0", 0, 2, cache=True), Phase("full", 0, 4, cache=False)
        out = real_elements("layers.0:out", torch.Size([2, 2, 3]), mask, early)
        self.assertEqual(out.tolist()[0], [[False] * 3] * 2)
        for site in ("layers.0#q_rope", "layers.0.q_norm:in"):
            real = real_elements(site, torch.Size([2, 1, 4, 1]), mask, whole)
            self.assertEqual(real[0, 0, :, 0].tolist(), [False, False, True, True])

    def test_operations_are_listed_in_order_and_those_of_one_line_together(self) -> None:
        listing = Listing()
        with torch.no_grad(), listing:
            _twice(torch.ones(3))
        names = [
            (operation.key.name, operation.key.nth) for operation in listing.operations if operation.key.name != "ones"
        ]
        self.assertEqual(names, [("silu", 0), ("add", 0), ("silu", 1), ("add", 1)])
        assert ("silu", EVERY) in [
            (operation.key.name, operation.key.nth) for operation in together(listing.operations)
        ]

    def test_one_operation_or_every_one_of_a_line_is_changed(self) -> None:
        listing = Listing()
        x = torch.tensor([-1.0, 2.0])
        with torch.no_grad(), listing:
            plain = _twice(x)
        key = next(operation.key for operation in listing.operations if operation.key.name == "silu")
        with torch.no_grad(), Changed(key, lambda _func, args, _kwargs: args[0]):
            first = _twice(x)
        with torch.no_grad(), Changed(key._replace(nth=EVERY), lambda _func, args, _kwargs: args[0]):
            both = _twice(x)
        self.assertTrue(torch.equal(both, x + 2))
        self.assertTrue(torch.equal(first, functional.silu(x + 1) + 1))
        self.assertFalse(torch.equal(plain, first))

    def test_a_choice_depends_on_what_is_disturbed_though_only_the_order_counts(self) -> None:
        scores = torch.tensor([0.1, 0.7, 0.4])
        self.assertNotEqual(_other(scores).argmax(), scores.argmax())

    def test_topk_of_another_number_is_a_change(self) -> None:
        x = torch.tensor([3.0, 5.0, 4.0])
        listing = Listing()
        with torch.no_grad(), listing:
            x.topk(2, dim=-1)
        variants = {name: change for name, _, _, change in _number_of_largest(listing.operations[-1])}
        self.assertEqual(sorted(variants), ["k=1", "k=3"])
        self.assertEqual(variants["k=1"](torch.topk, (x, 2), {"dim": -1}).indices.tolist(), [1])
        self.assertEqual(variants["k=3"](torch.topk, (x,), {"k": 2}).indices.tolist(), [1, 2, 0])

    def test_a_choice_that_is_the_same_is_the_same_function(self) -> None:
        choice = torch.tensor([[2, 0]])
        self.assertTrue(_same_function(choice, choice.clone()))
        self.assertFalse(_same_function(choice, torch.tensor([[2, 1]])))
        self.assertFalse(_same_function(choice > 0, choice > 0))

    def test_rules_of_masks_say_in_what_they_differ_and_what_shows_it(self) -> None:
        self.assertEqual(Rule(window=9).differences(Rule(window=8)), ["window 8 -> 9"])
        self.assertEqual(Rule(padding=False).differences(Rule()), ["padding hidden -> read"])
        self.assertEqual(Rule().differences(Rule()), [])
        self.assertEqual(Rule(padding=False, past=False).needs(Rule()), ("padding", "cache"))


if __name__ == "__main__":
    unittest.main()
