"""Answers `explain`: which changes of the reference give what an engine had at a site."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from lockstep_engine.errors import bad_input
from lockstep_engine.phases import Phase
from lockstep_engine.pytorch.inputs import Inputs
from lockstep_reference.counterfactuals.apart import told_apart
from lockstep_reference.counterfactuals.base import Counterfactual
from lockstep_reference.counterfactuals.error import real_elements
from lockstep_reference.counterfactuals.facts import about, same_facts
from lockstep_reference.counterfactuals.names import Numbers
from lockstep_reference.counterfactuals.power import power
from lockstep_reference.counterfactuals.search import Search, SitePhase, Tried, search
from lockstep_reference.counterfactuals.snapshot import Context, Snapshot
from lockstep_reference.positions import positions_as_site


class Evidence:
    """The snapshots that the latest explaining runs have left: one run in the engine's dtype, one in float64."""

    def __init__(self) -> None:
        self._snapshots: dict[tuple[str, str, bool], Snapshot] = {}
        self._inputs: Inputs | None = None
        self._phases: dict[str, Phase] = {}

    def keep(self, snapshots: list[Snapshot], inputs: Inputs, phases: list[Phase]) -> None:
        """Takes over a run's snapshots, in place of those that the run before left on its side.

        `inputs` have the positions that the run had.
        """
        sides = {snapshot.oracle for snapshot in snapshots}
        # In place: the other side's run may end at the same moment.
        for key in [key for key in list(self._snapshots) if key[2] in sides]:
            self._snapshots.pop(key, None)
        self._inputs, self._phases = inputs, {phase.name: phase for phase in phases}
        types = next(iter(inputs.token_types.values()), None)
        positions = positions_as_site(inputs.position_ids)
        for snapshot in snapshots:
            end = self._phases[snapshot.phase].end
            snapshot.context = Context(inputs.input_ids, inputs.attention_mask, types, end, positions)
            self._snapshots[snapshot.site, snapshot.phase, snapshot.oracle] = snapshot

    def clear(self) -> None:
        """Forgets all snapshots."""
        self._snapshots.clear()

    def explain(self, model: nn.Module, params: dict[str, Any], spool: Path) -> dict[str, Any]:
        """The nearest counterfactuals at one site, their tensors in a file of the spool. Raises EngineError."""
        site, names = params["site"], params["phases"]
        phases = [phase for name in names if (phase := self._phase(site, name)) is not None]
        if not phases:
            raise bad_input(
                f"nothing was recorded at {site}",
                expected="an earlier run with `explain` naming the site and one of the phases",
                found=", ".join(names),
                where="explain.site",
            )
        torch.set_num_threads(1)
        found = search(phases, Numbers(config_numbers(model), phases[0].oracle.module), params["seconds"])
        if found is None:
            return {"tried": 0, "candidates": [], "phases": [], "file": None}
        tensors = {
            f"engine.{place}": phase.oracle.engine.clone()
            for place, phase in enumerate(phases)
            if phase.oracle.engine is not None
        }
        tensors |= _unchanged(phases)
        distinct = _distinct(found, phases)
        candidates = []
        for number, (entry, sides, synonyms) in enumerate(distinct):
            one, first = entry.counterfactual, distinct[0][0].counterfactual
            tensors |= {f"{side}.{number}.{place}": tensor for (side, place), tensor in sides.items()}
            candidates.append(
                {
                    **_facts(one),
                    "fitted": one.fitted,
                    "form": one.form,
                    "about": about(one.changes, one.sources, found.scene.numbers.paths),
                    "sources": [source.fact() for source in one.sources],
                    "phases": sorted({place for _, place in sides}),
                    "synonyms": [_facts(other) for other in synonyms],
                    "apart": None if one is first else told_apart(phases[0].oracle, first, one),
                }
            )
        file = spool / f"explain.{len(tensors)}.{abs(hash((site, *names)))}.safetensors"
        save_file(tensors, file)
        return {
            "tried": found.tried,
            "candidates": candidates,
            "phases": [phase.oracle.phase for phase in phases],
            "file": str(file),
        }

    def power(self, model: nn.Module, params: dict[str, Any]) -> dict[str, Any]:
        """The likely changes at one site, and how visible each is. Raises EngineError."""
        phases = [phase for name in params["phases"] if (phase := self._phase(params["site"], name)) is not None]
        torch.set_num_threads(1)
        config = config_numbers(model)
        seen = power(phases, lambda phase: Numbers(config, phase.oracle.module), params["limit"])
        return {
            "changes": [
                {
                    **_facts(one.counterfactual),
                    "id": one.counterfactual.key,
                    "needs": list(one.counterfactual.needs),
                    "ratio": one.ratio,
                    "phase": one.phase,
                }
                for one in seen
            ]
        }

    def _phase(self, site: str, name: str) -> SitePhase | None:
        plain, oracle = (self._snapshots.get((site, name, wide)) for wide in (False, True))
        if plain is None or oracle is None or oracle.engine is None or self._inputs is None:
            return None
        mask = self._inputs.attention_mask
        real = real_elements(site, oracle.engine.shape, mask, self._phases[name])
        return SitePhase(plain, oracle, real)


# Names that are told of one change.
_SYNONYMS = 4


def _facts(one: Counterfactual) -> dict[str, Any]:
    """What it is, as it travels."""
    return {"id": one.id, "category": one.category, "changes": list(one.changes), "part": one.part}


Sides = dict[tuple[str, int], torch.Tensor]


def _distinct(found: Search, phases: list[SitePhase]) -> list[tuple[Tried, Sides, list[Counterfactual]]]:
    """The nearest with their tensors in all phases; those with the numbers of an earlier one are its synonyms."""
    kept: list[tuple[Tried, Sides, list[Counterfactual]]] = []
    for entry in found.nearest:
        one = entry.counterfactual
        told = (other for earlier, _, synonyms in kept for other in (earlier.counterfactual, *synonyms))
        if any(same_facts([one.changes, one.part], [other.changes, other.part]) for other in told):
            continue
        sides: Sides = {}
        for place, phase in enumerate(phases):
            values = {"oracle": one.value(phase.oracle), "reference": one.value(phase.plain)}
            made = {(side, place): value.contiguous().clone() for side, value in values.items() if value is not None}
            if len(made) == len(values):
                sides |= made
        same = next((synonyms for _, other, synonyms in kept if _agree(found, sides, other)), None)
        if same is None:
            kept.append((entry, sides, []))
        elif len(same) < _SYNONYMS and not one.form:
            same.append(one)
    return kept


def _unchanged(phases: list[SitePhase]) -> dict[str, torch.Tensor]:
    """The null control: the calls as they are, made again as candidates are."""
    values = {
        f"{side}.unchanged.{place}": snapshot.value()
        for place, phase in enumerate(phases)
        for side, snapshot in (("oracle", phase.oracle), ("reference", phase.plain))
    }
    return {name: value.contiguous().clone() for name, value in values.items() if value is not None}


def _agree(found: Search, one: Sides, other: Sides) -> bool:
    keys = [key for key in one if key[0] == "oracle"]
    return keys == [key for key in other if key[0] == "oracle"] and all(
        found.scene.measure.same(one[key], other[key]) for key in keys
    )


def config_numbers(model: nn.Module) -> dict[str, Any]:
    """The config of a model as plain values."""
    config = getattr(model, "config", None)
    return config.to_dict() if config is not None else {}
