"""Parameters are checked against the published schema, and nothing of it goes unchecked."""

from __future__ import annotations

import json
import unittest
from typing import Any

from support import PACKAGE, PHASE

from lockstep_engine import errors
from lockstep_engine.errors import EngineError
from lockstep_engine.params import METHODS, check_params
from lockstep_engine.schema import describe, find_problem, read_schema

RUN = {"run": "r", "inputs": "f", "phases": [PHASE], "oracle": False, "credits": 1}
RUN_FIELDS = "run, inputs, phases, sites?, oracle, replay?, perturb?, explain?, credits"


def keywords(schema: dict[str, Any]) -> None:
    """Raises ValueError when any part of `schema` has a keyword that is not checked."""
    find_problem(schema, None, "schema")
    for part in (*schema.get("properties", {}).values(), *schema.get("anyOf", ())):
        keywords(part)
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            keywords(schema[name])


class Schema(unittest.TestCase):
    def refused(self, method: str, params: Any) -> tuple[str, str, str]:
        with self.assertRaises(EngineError) as caught:
            check_params(method, params)
        self.assertEqual(caught.exception.code, -32602)
        data = caught.exception.data
        return data["where"], data["expected"], data["found"]

    def test_is_the_published_one(self) -> None:
        published = PACKAGE.parents[1] / "docs" / "protocol.schema.json"
        self.assertEqual(read_schema(), json.loads(published.read_text(encoding="utf-8")))

    def test_every_keyword_of_parameters_is_checked(self) -> None:
        schema = read_schema()
        parameters = [method["params"] for method in schema["methods"].values()]
        for part in (*parameters, *schema["notifications"].values()):
            keywords(part)
        with self.assertRaises(ValueError):
            keywords({"type": "object", "properties": {"a": {"type": "string", "maxLength": 3}}})

    def test_codes_are_those_of_the_schema(self) -> None:
        codes = read_schema()["error_codes"]
        own = {"unsupported": errors.UNSUPPORTED, "badInput": errors.BAD_INPUT, "cancelled": errors.CANCELLED}
        self.assertEqual(codes, {**own, "environment": errors.ENVIRONMENT, "internal": errors.INTERNAL})

    def test_methods_are_all_that_an_engine_is_sent(self) -> None:
        self.assertEqual(METHODS[:3], ("hello", "load", "run"))
        self.assertEqual(set(METHODS) & {"taps", "credit", "cancel", "feed"}, {"credit", "cancel", "feed"})

    def test_good_parameters_come_back(self) -> None:
        for method, params in (
            ("run", RUN),
            ("run", {**RUN, "sites": ["*"], "explain": [{"site": "a:out", "phase": "full"}]}),
            ("load", {"dtype": "bfloat16", "config": {"a": [1, {"b": None}]}, "seed": 0}),
            ("feed", {"run": "r", "batch": None}),
            ("explain", {"site": "a:out", "phases": ["full"], "seconds": 0.5}),
        ):
            with self.subTest(method):
                self.assertIs(check_params(method, params), params)

    def test_the_first_problem_is_named(self) -> None:
        for method, params, problem in (
            ("run", [], ("run", f"an object {{{RUN_FIELDS}}}", "[]")),
            ("run", {"run": "r"}, ("run.inputs", "a string", "nothing")),
            ("run", {**RUN, "credits": 0}, ("run.credits", "a whole number > 0", "0")),
            ("run", {**RUN, "credits": True}, ("run.credits", "a whole number > 0", "True")),
            ("run", {**RUN, "oracle": 1}, ("run.oracle", "true or false", "1")),
            ("run", {**RUN, "sites": ["a", 2]}, ("run.sites[1]", "a string", "2")),
            ("run", {**RUN, "phases": [{**PHASE, "start": -1}]}, ("run.phases[0].start", "a whole number >= 0", "-1")),
            (
                "run",
                {**RUN, "phases": [{**PHASE, "start": 4}]},
                ("run.phases[0]", "a phase with start < end", "4 .. 4"),
            ),
            ("load", {"dtype": "int4"}, ("load.dtype", "one of float32, bfloat16, float16", "'int4'")),
            ("unload", {"now": True}, ("unload.now", "only no parameters", "now")),
            ("feed", {"run": "r", "batch": {"phase": 1}}, ("feed.batch.batch", "a whole number >= 0", "nothing")),
            ("power", {"site": "s", "phases": ["full"], "limit": 0}, ("power.limit", "a number > 0", "0")),
            (
                "generate",
                {"ids": [], "max_new_tokens": 1},
                ("generate.ids", "a list of a whole number >= 0, not empty", "[]"),
            ),
        ):
            with self.subTest(problem[0]):
                self.assertEqual(self.refused(method, params), problem)

    def test_a_name_that_does_not_match_its_pattern_is_refused(self) -> None:
        where, expected, found = self.refused("run", {**RUN, "phases": [{**PHASE, "name": "Full 1"}]})
        self.assertEqual((where, found), ("run.phases[0].name", "'Full 1'"))
        self.assertIn("a string like ^", expected)

    def test_what_has_no_type_takes_anything(self) -> None:
        self.assertEqual(describe({}), "anything")
        self.assertIsNone(find_problem({}, object(), "x"))


if __name__ == "__main__":
    unittest.main()
