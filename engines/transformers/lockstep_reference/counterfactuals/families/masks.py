"""Masks: which keys a query may read, as a rule with parts; parts are changed until the engine's mask comes out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

import torch

from lockstep_reference.counterfactuals.base import Counterfactual, Scene
from lockstep_reference.counterfactuals.facts import Fact, fact
from lockstep_reference.counterfactuals.snapshot import Finish, Snapshot


@dataclass(frozen=True)
class Rule:
    """A mask's parts. `causal`: keys up to the query, before it, or all; `window`: keys seen, 0 for no window."""

    causal: str = "causal"
    window: int = 0
    symmetric: bool = False
    blocks: str = "none"
    block_in_window: bool = False
    padding: bool = True
    shift: int = 0
    chunk: int = 0
    past: bool = True

    def fact(self) -> Fact:
        """The rule as the protocol carries it."""
        return {
            "keys": _KEYS[self.causal],
            "window": self.window,
            "symmetric": self.symmetric,
            "blocks": self.blocks,
            "block_in_window": self.block_in_window,
            "padding": self.padding,
            "shift": self.shift,
            "chunk": self.chunk,
            "past": self.past,
        }

    def needs(self, other: Rule) -> tuple[str, ...]:
        """The properties that inputs must have to tell this rule from `other`."""
        parts = {
            "padding": self.padding != other.padding,
            "window": (self.window, self.symmetric, self.block_in_window)
            != (other.window, other.symmetric, other.block_in_window),
            "cache": self.past != other.past,
            "media": self.blocks != other.blocks,
        }
        return tuple(need for need, differs in parts.items() if differs)

    def differences(self, other: Rule) -> list[str]:
        """The parts in which this rule differs from `other`, with both values, for ids."""
        parts = {
            "keys": [_KEYS[rule.causal] for rule in (other, self)],
            "window": [f"{rule.window}{' both sides' if rule.symmetric else ''}" for rule in (other, self)],
            "chunk": [rule.chunk for rule in (other, self)],
            "blocks": [rule.blocks for rule in (other, self)],
            "padding": ["hidden" if rule.padding else "read" for rule in (other, self)],
            "past": ["read" if rule.past else "hidden" for rule in (other, self)],
            "shift": [rule.shift for rule in (other, self)],
        }
        if "none" not in {self.blocks, other.blocks}:
            parts["blocks cut"] = [rule.block_in_window for rule in (other, self)]
        return [f"{name} {theirs} -> {ours}" for name, (theirs, ours) in parts.items() if theirs != ours]


_KEYS = {"causal": "up to the query", "strict": "before the query", "all": "all"}
_CAUSAL = tuple(_KEYS)
_BLOCKS = ("none", "each", "images", "videos", "media", "runs")


def masks(scene: Scene) -> Iterator[Counterfactual]:
    """Rules that differ least from one that gives the reference's mask."""
    if scene.engine.dtype != torch.bool or scene.engine.ndim != 4 or scene.snapshot.context is None:
        return
    if not scene.fitting:
        yield from _likely(scene)
        return
    rules = list(_rules(scene))
    ours = [rule for rule in rules if _equal(_mask(scene.snapshot, rule, scene.engine.shape), scene.reference, scene)]
    theirs = [rule for rule in rules if _equal(_mask(scene.snapshot, rule, scene.engine.shape), scene.engine, scene)]
    window = getattr(scene.module, "sliding_window", None) or 0
    # Of the rules that give the reference's mask for so few tokens, those with the window that the module has.
    ours = [rule for rule in ours if rule.window == window] or ours
    pairs = sorted(
        ((rule.differences(own), rule, own) for own in ours for rule in theirs if rule != own),
        key=lambda pair: len(pair[0]),
    )
    seen = set()
    for words, rule, own in pairs:
        if len(words) > len(pairs[0][0]) or rule in seen:
            break
        seen.add(rule)
        yield _ruled(", ".join(words), rule, own)
    # Where no rule gives it: the whole mask of another kind.
    for what, to, change in (
        ("inverted", "inverted", torch.logical_not),
        ("transposed", "transposed", lambda m: m.transpose(-1, -2) if m.shape[-1] == m.shape[-2] else None),
        ("of the first sequence for all", "first sequence for all", lambda m: m[:1].expand_as(m)),
        ("of the first query for all", "first query for all", lambda m: m[:, :, :1].expand_as(m)),
        ("of the last query for all", "last query for all", lambda m: m[:, :, -1:].expand_as(m)),
    ):
        made = (fact("whole mask", to=to),)
        yield Counterfactual(f"mask/{what}", "mask", made, finish=lambda _snapshot, m, f=change: f(m))


def _ruled(words: str, rule: Rule, own: Rule) -> Counterfactual:
    """A mask made by `rule`, where the reference's is made by `own`."""
    return Counterfactual(
        id=f"mask/{words}",
        category="mask",
        changes=(fact("mask rule", expected=own.fact(), found=rule.fact()),),
        finish=_finish(rule),
        needs=rule.needs(own),
    )


def _likely(scene: Scene) -> Iterator[Counterfactual]:
    """The reference's own rule with one part changed."""
    context = scene.snapshot.context
    window = getattr(scene.module, "sliding_window", None) or 0
    blocks = list(_BLOCKS) if context is not None and context.token_types is not None else ["none"]
    candidates = [
        Rule(causal, window, False, block, block_in_window, padding)
        for causal, block, block_in_window, padding in product(_CAUSAL, blocks, (False, True), (True, False))
    ]
    own = next(
        (
            rule
            for rule in candidates
            if _equal(_mask(scene.snapshot, rule, scene.engine.shape), scene.reference, scene)
        ),
        None,
    )
    if own is None:
        return
    variants = [replace(own, causal=causal) for causal in _CAUSAL]
    variants += [replace(own, padding=False), replace(own, shift=1), replace(own, shift=-1), replace(own, past=False)]
    variants += [replace(own, blocks=block) for block in blocks]
    if window:
        variants += [replace(own, window=other) for other in (0, window - 1, window + 1)]
        variants += [replace(own, block_in_window=True)] if own.blocks != "none" else []
    else:
        variants += [replace(own, window=other) for other in _config_windows(scene)]
    for rule in variants:
        words = ", ".join(rule.differences(own))
        if words:
            yield _ruled(words, rule, own)


def _config_windows(scene: Scene) -> list[int]:
    return [int(value) for path, value in scene.numbers.fields.items() if path.endswith("sliding_window") and value > 0]


def _finish(rule: Rule) -> Finish:
    return lambda snapshot, own: _mask(snapshot, rule, own.shape)


def _equal(mask: torch.Tensor | None, wanted: torch.Tensor, scene: Scene) -> bool:
    return mask is not None and not ((mask != wanted) & scene.measure.real).any()


def _rules(scene: Scene) -> Iterator[Rule]:
    keys = scene.engine.shape[-1]
    numbers = {int(v) for v in scene.numbers.fields.values() if v == int(v) and 0 < v <= 4 * keys}
    windows = sorted({0, *range(1, min(keys, 512) + 1), *(w + d for w in numbers for d in (-1, 0, 1) if w + d > 0)})
    chunks = [0, *sorted(n for n in numbers if n > 1)]
    context = scene.snapshot.context
    assert context is not None
    media = context.token_types is not None
    blocks = list(_BLOCKS) if media else ["none"]
    for causal, window, block, padding in product(("causal", "strict", "all"), windows, blocks, (True, False)):
        yield Rule(causal, window, False, block, False, padding)
        if window and causal == "all":
            yield Rule(causal, window, True, block, False, padding)
        if window and block != "none":
            yield Rule(causal, window, False, block, True, padding)
    end = context.end
    to_first_key = scene.engine.shape[2] - keys
    for shift, window in product(dict.fromkeys((-1, 1, 2, -2, -(end - scene.engine.shape[2]), to_first_key)), windows):
        yield Rule(window=window, shift=shift)
    for chunk in chunks[1:]:
        yield Rule(chunk=chunk)
    for window, causal in product(windows, _CAUSAL):
        yield Rule(causal, window, past=False)


def _mask(snapshot: Snapshot, rule: Rule, shape: torch.Size) -> torch.Tensor | None:
    """BOOL [B, 1, S, T]; queries are the last S tokens before the phase's end, keys the last T.

    More keys than there are tokens are the places of an encoder, which have neither padding nor media.
    """
    context = snapshot.context
    # Patches of images are no tokens of sequences.
    if context is None or len(shape) != 4 or shape[0] != len(context.attention_mask):
        return None
    places = shape[-1] > context.end
    query = torch.arange(context.end - shape[2], context.end)[:, None]
    key = torch.arange(shape[3])[None] + (0 if places else context.end - shape[3])
    distance = query + rule.shift - key
    seen = {"causal": distance >= 0, "strict": distance > 0, "all": torch.ones_like(distance, dtype=torch.bool)}[
        rule.causal
    ]
    window = torch.ones_like(seen)
    if rule.window:
        window = distance < rule.window
        if rule.symmetric:
            window &= distance > -rule.window
    if not rule.past:
        window &= key >= context.end - shape[2]
    if rule.chunk:
        window &= (query // rule.chunk) == (key // rule.chunk)
    batch = context.attention_mask.shape[0]
    mask = (seen & window).expand(batch, *seen.shape)
    if rule.blocks != "none" and context.token_types is not None and not places:
        group = _groups(context.token_types, rule.blocks)
        of_query, of_key = (
            group[:, context.end - shape[2] : context.end],
            group[:, context.end - shape[3] : context.end],
        )
        same = (of_query[:, :, None] == of_key[:, None]) & (of_query[:, :, None] >= 0)
        mask = mask | (same & window if rule.block_in_window else same)
    if rule.padding and not places:
        real = context.attention_mask[:, context.end - shape[3] : context.end].bool()
        mask = mask & real[:, None]
    return mask[:, None].expand(shape)


def _groups(token_types: torch.Tensor, blocks: str) -> torch.Tensor:
    """The block of each token [B, S], -1 for none. Types: 0 text, 1 image, 2 video, 3 audio."""
    wanted = {"runs": (1, 2, 3), "images": (1,), "videos": (2,)}.get(blocks, (1, 2))
    media = torch.isin(token_types, torch.tensor(wanted))
    if blocks == "media":
        return torch.where(media, 0, -1)
    before = torch.nn.functional.pad(media[:, :-1], (1, 0))
    return torch.where(media, (media & ~before).long().cumsum(-1), -1)
