"""Positions: ids that start elsewhere, ignore padding, or are those of another count; also as arguments of a call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import combinations
from typing import Any

import torch

from lockstep_engine.pytorch.sites import first_input
from lockstep_engine.sites import parameter_names
from lockstep_reference.counterfactuals.base import Counterfactual, Scene
from lockstep_reference.counterfactuals.grids import NAMES
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
    """The same for ids whose kinds are last, as `_tokens_last` finds them."""

    def changed(ids: torch.Tensor, snapshot: Snapshot) -> torch.Tensor:
        axes = _tokens_last(snapshot, ids)
        return renumber(ids, snapshot) if axes is None else renumber(ids.movedim(*axes), snapshot).movedim(*axes[::-1])

    return changed


def _kinds(snapshot: Snapshot, ids: torch.Tensor) -> Iterator[tuple[str, str, Renumber]]:
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
        words = f"positions in {names[first]} and {names[second]} exchanged"
        yield f"{names[first]} and {names[second]}", words, lambda ids, _s, o=tuple(order): ids[list(o)]
    for place, name in enumerate(names):
        yield (
            f"{name} for all",
            f"positions in {name} for all kinds",
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


VARIANTS: dict[str, tuple[str, Renumber]] = {
    "+1": ("positions one too high", lambda ids, _s: ids + 1),
    "-1": ("positions one too low", lambda ids, _s: ids - 1),
    "-1, not below 0": ("positions one too low, but not below 0", lambda ids, _s: (ids - 1).clamp(min=0)),
    "padding counted": (
        "positions count padding: they ignore the attention mask",
        lambda ids, s: _arange(ids, _start(s, ids)),
    ),
    "padding counted, +1": ("positions count padding, and start at 1", lambda ids, s: _arange(ids, _start(s, ids) + 1)),
    "from 0": ("positions start at 0 in every forward", lambda ids, _s: _arange(ids, 0)),
    "less those before": ("positions restart behind the cache", lambda ids, s: ids - _real_before(s, ids)),
    "all 0": ("all positions 0", lambda ids, _s: torch.zeros_like(ids)),
    "last for all": ("the last token's position for all", lambda ids, _s: ids[..., -1:].expand_as(ids).clone()),
    "first sequence": (
        "the first sequence's positions for all",
        lambda ids, _s: ids[..., :1, :].expand_as(ids).clone(),
    ),
    "reversed": ("positions in reverse order", lambda ids, _s: ids.flip(-1)),
    "doubled": ("positions twice as large", lambda ids, _s: ids * 2),
    "of the length": (
        "the sequence's length as the position",
        lambda ids, s: torch.full_like(ids, _start(s, ids) + ids.shape[-1]),
    ),
    "the step": (
        "positions without the padding's offset but from the phase's start",
        lambda ids, s: _arange(ids, _start(s, ids)),
    ),
    "padding 1": ("padding at position 1", lambda ids, s: torch.where(_padding(ids, s), 1, ids)),
    "text": (
        "the number of the token as its position, as if there were only text",
        lambda ids, s: _unclamped(ids, s).clamp(min=0),
    ),
    "padding negative": ("padding at negative positions", _unclamped),
}


_OF_PATCHES = ("+1", "-1", "-1, not below 0", "all 0", "first sequence", "reversed", "doubled")


def positions(scene: Scene) -> Iterator[Counterfactual]:
    """Other position ids at the site itself, or as the argument of the call that leads to it."""
    shift = _constant_shift(scene)
    variants = dict(VARIANTS)
    if shift:
        variants[f"{shift:+d}"] = (f"positions shifted by {shift:+d}", lambda ids, _s: ids + shift)
    own = "position" in scene.snapshot.site and not scene.engine.is_floating_point()
    argument = None if own else _argument(scene.snapshot)
    ids = scene.engine if own else argument
    if ids is not None:
        if argument is not None and _tokens_last(scene.snapshot, ids):
            # Patches: they are not counted, and the last may be padding.
            variants = {name: variant for name, variant in variants.items() if name in _OF_PATCHES}
        variants |= {name: (sentence, renumber) for name, sentence, renumber in _kinds(scene.snapshot, ids)}
    if not own and (argument is None or not scene.moved_by(_replacing(lambda ids, _s: ids * 3 + 1))):
        return
    for window in _windows(scene):
        for last in (window - 1, window):
            text = f"positions that stop growing at {last}, as the number of cached tokens does"
            variants[f"at most {last}"] = (text, lambda ids, _s, n=last: ids.clamp(max=n))
    for what, (sentence, plain) in variants.items():
        renumber = _by_kind(plain)
        yield Counterfactual(
            id=f"position/{what}",
            category="positions",
            sentence=sentence,
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
