"""Positions: ids that start elsewhere, ignore padding, or are those of another count; also as arguments of a call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import torch

from lockstep_engine.pytorch.sites import first_input
from lockstep_engine.sites import parameter_names
from lockstep_reference.counterfactuals.base import Counterfactual, Scene
from lockstep_reference.counterfactuals.facts import Fact, fact
from lockstep_reference.counterfactuals.families.grids import NAMES
from lockstep_reference.counterfactuals.snapshot import Snapshot, Within

# From ids [.., S] and the snapshot to other ids; [kinds, B, S] where tokens have several.
Renumber = Callable[[torch.Tensor, Snapshot], torch.Tensor]


def _tokens_last(snapshot: Snapshot, ids: torch.Tensor) -> tuple[int, int] | None:
    """The axes to exchange so that tokens are last: where kinds of positions are, of the site or of packed patches."""
    if ids.ndim == 3 and snapshot.site.startswith("inputs#"):  # noqa: PLR2004 - [B, S, kinds]
        return -1, 0
    x = first_input(snapshot.module, *snapshot.inputs)
    of_patches = x is not None and x.is_floating_point() and x.shape[:-1] == ids.shape[:-1]
    return (-1, 0) if of_patches and ids.shape[-1] in NAMES else None  # [.., patches, kinds]


def _by_kind(renumber: Renumber) -> Renumber:
    """Renumbers ids whose kinds are last, as `_tokens_last` finds them, in the same way as others."""

    def changed(ids: torch.Tensor, snapshot: Snapshot) -> torch.Tensor:
        axes = _tokens_last(snapshot, ids)
        return renumber(ids, snapshot) if axes is None else renumber(ids.movedim(*axes), snapshot).movedim(*axes[::-1])

    return changed


def _kinds(snapshot: Snapshot, ids: torch.Tensor) -> Iterator[tuple[str, Fact, Renumber]]:
    """Kinds of positions exchanged, or one for all: of [kinds, B, S], the last three, and of [kinds, patches]."""
    axes = _tokens_last(snapshot, ids)
    if axes is None and ids.ndim != 3:  # noqa: PLR2004 - [B, S]
        return
    count = ids.movedim(*axes).shape[0] if axes else ids.shape[0]
    names = NAMES.get(min(count, 3), ())
    before = count - len(names)
    for first, second in combinations(range(len(names)), 2):
        order = list(range(count))
        order[before + first], order[before + second] = before + second, before + first
        exchanged = fact("position kinds exchanged", kinds=[names[first], names[second]], media_only=False)
        yield f"{names[first]} and {names[second]}", exchanged, lambda ids, _s, o=tuple(order): ids[list(o)]
    for place, name in enumerate(names):
        yield (
            f"{name} for all",
            fact("one position kind", which=name),
            lambda ids, _s, p=before + place: ids[p].expand_as(ids),
        )


def _arange(ids: torch.Tensor, first: int) -> torch.Tensor:
    return torch.arange(first, first + ids.shape[-1]).expand(ids.shape).to(ids.dtype)


def _start(snapshot: Snapshot, ids: torch.Tensor) -> int:
    return 0 if snapshot.context is None else snapshot.context.end - ids.shape[-1]


def _real_before(snapshot: Snapshot, ids: torch.Tensor) -> torch.Tensor:
    mask = snapshot.context.attention_mask if snapshot.context is not None else torch.ones(1, ids.shape[-1])
    return mask[:, : _start(snapshot, ids)].sum(-1, keepdim=True)


def _padding(ids: torch.Tensor, snapshot: Snapshot) -> torch.Tensor:
    if snapshot.context is None:
        return torch.zeros_like(ids, dtype=torch.bool)
    end = snapshot.context.end
    return (snapshot.context.attention_mask[:, end - ids.shape[-1] : end] == 0).expand_as(ids)


def _unclamped(ids: torch.Tensor, snapshot: Snapshot) -> torch.Tensor:
    if snapshot.context is None:
        return ids
    mask = snapshot.context.attention_mask.long()
    end = snapshot.context.end
    return (mask.cumsum(-1) - 1)[:, end - ids.shape[-1] : end].expand_as(ids)


@dataclass(frozen=True)
class Variant:
    """Other position ids: what they are as a fact, what inputs it takes to see it, and how they are made."""

    rule: str | None
    renumber: Renumber
    needs: tuple[str, ...] = ()
    shift: int = 0
    never_below_0: bool = False

    def fact(self, of: str) -> Fact:
        """The fact about `ids`, or about what tokens are rotated by (`rotation`)."""
        if self.rule is None:
            return shifted(of, self.shift, never_below_0=self.never_below_0)
        return fact("positions", of=of, rule=self.rule)


def shifted(of: str, by: float, *, never_below_0: bool = False) -> Fact:
    """Positions that are `by` further on."""
    return fact("positions shifted", of=of, by=by, never_below_0=never_below_0)


_PADDING = ("padding",)
VARIANTS: dict[str, Variant] = {
    "+1": Variant(None, lambda ids, _s: ids + 1, shift=1),
    "-1": Variant(None, lambda ids, _s: ids - 1, shift=-1),
    "-1, not below 0": Variant(None, lambda ids, _s: (ids - 1).clamp(min=0), shift=-1, never_below_0=True),
    "padding counted": Variant("padding counted", lambda ids, s: _arange(ids, _start(s, ids)), _PADDING),
    "padding counted, +1": Variant(
        "padding counted, from 1", lambda ids, s: _arange(ids, _start(s, ids) + 1), _PADDING
    ),
    "from 0": Variant("from 0 in every forward", lambda ids, _s: _arange(ids, 0), ("cache",)),
    "less those before": Variant("restarted behind the cache", lambda ids, s: ids - _real_before(s, ids), ("cache",)),
    "all 0": Variant("all 0", lambda ids, _s: torch.zeros_like(ids)),
    "last for all": Variant("last for all", lambda ids, _s: ids[..., -1:].expand_as(ids).clone()),
    "first sequence": Variant(
        "first sequence for all", lambda ids, _s: ids[..., :1, :].expand_as(ids).clone(), ("second sequence",)
    ),
    "reversed": Variant("reversed", lambda ids, _s: ids.flip(-1)),
    "doubled": Variant("doubled", lambda ids, _s: ids * 2),
    "of the length": Variant("length for all", lambda ids, s: torch.full_like(ids, _start(s, ids) + ids.shape[-1])),
    "the step": Variant("from the start of the phase", lambda ids, s: _arange(ids, _start(s, ids)), _PADDING),
    "padding 1": Variant("padding at 1", lambda ids, s: torch.where(_padding(ids, s), 1, ids), _PADDING),
    "text": Variant("text only", lambda ids, s: _unclamped(ids, s).clamp(min=0), ("media",)),
    "padding negative": Variant("padding negative", _unclamped, _PADDING),
}


_OF_PATCHES = ("+1", "-1", "-1, not below 0", "all 0", "first sequence", "reversed", "doubled")


def positions(scene: Scene) -> Iterator[Counterfactual]:
    """Other position ids at the site itself, or as the argument of the call that leads to it."""
    shift = _constant_shift(scene)
    variants = {name: (one.fact("ids"), one.renumber, one.needs) for name, one in VARIANTS.items()}
    if shift:
        variants[f"{shift:+d}"] = (shifted("ids", shift), lambda ids, _s: ids + shift, ())
    own = "position" in scene.snapshot.site and not scene.engine.is_floating_point()
    argument = None if own else _argument(scene.snapshot)
    ids = scene.engine if own else argument
    if ids is not None:
        if argument is not None and _tokens_last(scene.snapshot, ids):
            # Patches: they are not counted, and the last may be padding.
            variants = {name: variant for name, variant in variants.items() if name in _OF_PATCHES}
        variants |= {name: (made, renumber, ()) for name, made, renumber in _kinds(scene.snapshot, ids)}
    if not own and (argument is None or not scene.moved_by(_replacing(lambda ids, _s: ids * 3 + 1))):
        return
    for window in _windows(scene):
        for last in (window - 1, window):
            capped = fact("positions at most", last=last)
            variants[f"at most {last}"] = (capped, lambda ids, _s, n=last: ids.clamp(max=n), ())
    for what, (made, plain, needs) in variants.items():
        renumber = _by_kind(plain)
        yield Counterfactual(
            id=f"position/{what}",
            category="positions",
            changes=(made,),
            needs=needs,
            finish=(lambda snapshot, ids, f=renumber: f(ids, snapshot)) if own else None,
            within=None if own else _replacing(renumber),
        )


def _windows(scene: Scene) -> list[int]:
    fields = scene.numbers.fields.items()
    return list({int(value) for path, value in fields if path.endswith("sliding_window") and value > 1})


def _constant_shift(scene: Scene) -> int:
    if scene.engine.is_floating_point() or scene.engine.dtype == torch.bool:
        return 0
    difference = (scene.engine - scene.reference)[scene.measure.real]
    return int(difference[0]) if difference.numel() and bool((difference == difference[0]).all()) else 0


def _argument(snapshot: Snapshot) -> torch.Tensor | None:
    args, kwargs = snapshot.inputs
    named = {**dict(zip(_names(snapshot), args, strict=False)), **kwargs}
    return next((value for name, value in named.items() if "position" in name and _is_ids(value)), None)


def _names(snapshot: Snapshot) -> tuple[str, ...]:
    return parameter_names(type(snapshot.module).forward)


def _is_ids(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.dtype == torch.int64 and value.ndim in (2, 3)


def _replacing(renumber: Renumber) -> Within:
    @contextmanager
    def within(snapshot: Snapshot) -> Iterator[None]:
        def hook(_module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
            def change(name: str, value: Any) -> Any:
                return renumber(value, snapshot) if "position" in name and _is_ids(value) else value

            names = (*_names(snapshot), *("" for _ in args))
            new = tuple(change(name, value) for name, value in zip(names, args, strict=False))
            return new, {name: change(name, value) for name, value in kwargs.items()}

        handle = snapshot.module.register_forward_pre_hook(hook, with_kwargs=True)
        try:
            yield
        finally:
            handle.remove()

    return within
