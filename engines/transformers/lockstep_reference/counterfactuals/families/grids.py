"""Positions of several kinds (time, height, width): how images and videos take them, and how the text goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations, groupby

import torch

from lockstep_reference.counterfactuals.base import Counterfactual, Scene, attribute
from lockstep_reference.counterfactuals.facts import Fact, fact
from lockstep_reference.counterfactuals.snapshot import Context, Snapshot

# The type of a video's tokens, and the longest step in time that is tried.
_VIDEO, _LONGEST = 2, 64
# What kinds of positions are, by their number.
NAMES = {2: ("the first axis", "the second axis"), 3: ("time", "height", "width")}


@dataclass(frozen=True)
class Medium:
    """The tokens of one image or video: its place among those of its row, and their positions [length, kinds] from 0.

    `advance`: by how much the text behind it goes on.
    """

    place: int
    positions: torch.Tensor
    advance: int

    @property
    def length(self) -> int:
        """Number of tokens."""
        return len(self.positions)

    def flat(self) -> Medium:
        """This medium as if its tokens were text."""
        return Medium(self.place, torch.arange(self.length)[:, None].expand_as(self.positions), self.length)

    def moved(self, positions: torch.Tensor) -> Medium:
        """This medium with other positions."""
        return Medium(self.place, positions, self.advance)

    def going_on(self, advance: int) -> Medium:
        """This medium with the text behind it going on by `advance`."""
        return Medium(self.place, self.positions, advance)


Rule = Callable[[Medium], Medium]


def _steps(factor: float) -> Rule:
    """Time in so many positions a step."""

    def rule(medium: Medium) -> Medium:
        positions = medium.positions.clone()
        steps = positions[:, 0].unique(return_inverse=True)[1]
        positions[:, 0] = (steps * factor).long()
        return medium.moved(positions)

    return rule


def _exchanged(first: int, second: int) -> Rule:
    def rule(medium: Medium) -> Medium:
        order = list(range(medium.positions.shape[1]))
        order[first], order[second] = order[second], order[first]
        return medium.moved(medium.positions[:, order])

    return rule


# By the name in ids: the fact, and the rule.
_RULES: dict[str, tuple[str, Rule]] = {
    "text": ("as text", Medium.flat),
    "first only": ("grid for the first only", lambda medium: medium if medium.place == 0 else medium.flat()),
    "tokens counted": ("text goes on by tokens", lambda medium: medium.going_on(medium.length)),
    "+1": ("text one too far", lambda medium: medium.going_on(medium.advance + 1)),
    "-1": ("text one too early", lambda medium: medium.going_on(medium.advance - 1)),
    "one": ("one for an image", lambda medium: medium.going_on(1)),
    "largest": ("text behind the largest", lambda medium: medium.going_on(int(medium.positions.max()) + 1)),
    "one time": ("one time for all frames", _steps(0)),
}


def grids(scene: Scene) -> Iterator[Counterfactual]:
    """Positions of the whole sequence made again under another rule for its images and videos."""
    context = scene.snapshot.context
    own = scene.reference
    if not scene.snapshot.site.startswith("inputs#") or own.ndim != 3 or context is None or context.positions is None:  # noqa: PLR2004
        return
    kinds = NAMES.get(own.shape[-1], tuple(map(str, range(own.shape[-1]))))
    rules: dict[str, tuple[Fact, Rule]] = {
        name: (fact("media positions", rule=what), rule) for name, (what, rule) in _RULES.items()
    }
    for first, second in combinations(range(len(kinds)), 2):
        exchanged = fact("position kinds exchanged", kinds=[kinds[first], kinds[second]], media_only=True)
        rules[f"{first}{second}"] = (exchanged, _exchanged(first, second))
    if context.token_types is None or not (context.token_types == _VIDEO).any():
        rules = {name: rule for name, rule in rules.items() if name not in ("largest", "one time")}
    else:
        fields = scene.numbers.fields.items()
        factors = {value for path, value in fields if 0 < value <= _LONGEST and (scene.fitting or "second" in path)}
        for factor in sorted({1.0, *factors}):
            rules[f"steps of {factor:g}"] = (fact("frames apart", by=factor), _steps(factor))
    for name, (made, rule) in rules.items():
        yield Counterfactual(f"position/{name}", "positions", (made,), finish=_finish(rule), needs=("media",))
    yield Counterfactual(
        id="position/lead of the first sequence",
        category="positions",
        changes=(fact("media positions", rule="lead of the first sequence"),),
        finish=_first_lead,
        needs=("second sequence", "media"),
    )


def _part(positions: torch.Tensor, snapshot: Snapshot, own: torch.Tensor) -> torch.Tensor:
    assert snapshot.context is not None
    end = snapshot.context.end
    return positions[:, end - own.shape[1] : end].to(own.dtype)


def _finish(rule: Rule) -> Callable[[Snapshot, torch.Tensor], torch.Tensor | None]:
    def finish(snapshot: Snapshot, own: torch.Tensor) -> torch.Tensor | None:
        context = snapshot.context
        if context is None or context.positions is None:
            return None
        made = torch.zeros_like(context.positions)
        for row in range(len(made)):
            real = context.attention_mask[row].bool()
            made[row, real] = _row(context, row, real, rule)
        return _part(made, snapshot, own)

    return finish


def _row(context: Context, row: int, real: torch.Tensor, rule: Rule) -> torch.Tensor:
    """Positions [tokens, kinds] of the real tokens of a row."""
    assert context.positions is not None
    own = context.positions[row, real]
    types = [0] * len(own) if context.token_types is None else context.token_types[row, real].tolist()
    parts: list[torch.Tensor] = []
    at = current = media = 0
    for kind, run in groupby(types):
        length = len(list(run))
        mine = own[at : at + length]
        behind = int(own[at + length].min()) if at + length < len(own) else int(own[: at + length].max()) + 1
        first = int(mine.min())
        medium = Medium(media, mine - first, behind - first)
        if kind != 0:
            medium = rule(medium)
            media += 1
        parts.append(medium.positions + current)
        current += medium.advance
        at += length
    return torch.cat(parts)


def _first_lead(snapshot: Snapshot, own: torch.Tensor) -> torch.Tensor | None:
    """Text positions, ahead by what the first sequence's last token is."""
    context = snapshot.context
    if context is None or context.positions is None:
        return None
    text = (context.attention_mask.long().cumsum(-1) - 1).clamp(min=0)[..., None]
    lead = context.positions[0, -1, 0] - text[0, -1, 0]
    return _part((text + lead).expand_as(context.positions), snapshot, own)


def sections(scene: Scene) -> Iterator[Counterfactual]:
    """Frequencies shared out among the kinds of positions in another way, where a module has a list of sections."""
    for name, value in vars(scene.module).items():
        if "section" not in name or not isinstance(value, (list, tuple)) or not value:
            continue
        total = sum(value)
        kinds = len(value)
        others = {
            "each frequency in turn: interleaved": [1] * total,
            "in reverse order": list(reversed(value)),
            "doubled": [2 * part for part in value],
        }
        for first, second in combinations(range(kinds), 2):
            swapped = list(value)
            swapped[first], swapped[second] = swapped[second], swapped[first]
            others[f"{first + 1} and {second + 1} exchanged"] = swapped
        if total % kinds == 0:
            others["of equal width"] = [total // kinds] * kinds
        for words, other in others.items():
            if other != list(value):
                yield Counterfactual(
                    id=f"rope/{name} {words}",
                    category="rope",
                    changes=(fact("rope sections", attribute=name, expected=list(value), found=other),),
                    within=lambda snapshot, n=name, v=other: attribute(snapshot.module, n, v),
                )
