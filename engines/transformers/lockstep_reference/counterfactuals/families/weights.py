"""Weights: the owner's parameters missing, fresh, transposed, in another order, or those of another module."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import nn

from lockstep_reference.counterfactuals.base import Counterfactual, Scene, weight_path, with_tensor
from lockstep_reference.counterfactuals.facts import Fact, axis, fact, weight
from lockstep_reference.counterfactuals.fit import fit
from lockstep_reference.counterfactuals.snapshot import Within

Make = Callable[[torch.Tensor], torch.Tensor]
_LARGEST = 64
# The first of the values that are counted as likely faults: zero, one, 1 + w, w - 1, the other sign.
_LIKELY = 5


def weights(scene: Scene) -> Iterator[Counterfactual]:
    """Every parameter and persistent buffer of the module that owns the site."""
    module = scene.module
    for name, tensor in _own(module):
        if not scene.moved_by(with_tensor(name, lambda _snapshot, own: own * 1.01 + 0.01)):
            continue
        if not scene.fitting:
            for what, made, make in list(_values(weight_path(scene, name)))[:_LIKELY]:
                yield _one(name, what, made, make)
            continue
        path = weight_path(scene, name)
        for what, made, make in (*_values(path), *_orders(path, tensor)):
            yield _one(name, what, made, make)
        yield from _of_others(scene, name, tensor)
        yield from _fitted(scene, name)
    if scene.fitting:
        yield from _borrowed(scene)


def _borrowed(scene: Scene) -> Iterator[Counterfactual]:
    """Every vector of the model that is as long as the site's last axis, used where it does not belong."""
    if not scene.engine.is_floating_point() or not scene.engine.ndim:
        return
    for path, tensor in scene.snapshot.model.named_parameters():
        if tensor.shape != scene.engine.shape[-1:]:
            continue
        for words, called, operation in (
            ("multiplied by", "multiplied by", torch.mul),
            ("divided by", "divided by", torch.div),
            ("with the sum of", "plus", torch.add),
        ):
            yield Counterfactual(
                id=f"weight/{words} {path}",
                category="weights",
                changes=(fact("weight used", operation=called, weight=path),),
                finish=lambda snapshot, own, p=path, f=operation: f(own, _tensor(snapshot.model, p).to(own.dtype)),
            )


def _fitted(scene: Scene, name: str) -> Iterator[Counterfactual]:
    """The tensor plus, or times, a number."""
    forms: dict[str, tuple[Callable[[torch.Tensor, float], torch.Tensor], float]] = {
        "+": (torch.add, 0.0),
        "x": (torch.mul, 1.0),
    }
    if not scene.engine.is_floating_point():
        return
    for symbol, (form, start) in forms.items():

        def change(c: float, form: Callable[[torch.Tensor, float], torch.Tensor] = form) -> Within:
            return with_tensor(name, lambda _snapshot, own: form(own, c))

        found = fit(scene, change, start)
        if found is None:
            continue
        value, called = scene.numbers.name(*found) or (found[0], None)
        number = {"value": value, "name": called}
        path = weight_path(scene, name)
        yield Counterfactual(
            id=f"weight/{name} {symbol} {value:.6g}",
            category="weights",
            changes=(fact("weight and number", weight=path, operation=symbol, number=number),),
            within=change(value),
            fitted=0 if called else 1,
        )


def _own(module: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    for table in (module._parameters, module._buffers):
        for name, tensor in table.items():
            if tensor is not None and tensor.is_floating_point():
                yield name, tensor


def _one(name: str, what: str, made: Fact, make: Make) -> Counterfactual:
    return Counterfactual(
        id=f"weight/{name}: {what}",
        category="bias" if name == "bias" else "weights",
        changes=(made,),
        within=with_tensor(name, lambda _snapshot, own: make(own)),
    )


# Name for ids, fact, change.
Variant = tuple[str, Fact, Make]


def _values(path: str) -> Iterator[Variant]:
    forms: tuple[tuple[str, str, Make], ...] = (
        ("zero", "zeros", torch.zeros_like),
        ("one", "ones", torch.ones_like),
        ("1+w", "1 + w", lambda w: 1 + w),
        ("w-1", "w - 1", lambda w: w - 1),
        ("negative", "-w", torch.neg),
        ("twice", "2w", lambda w: 2 * w),
        ("half", "w / 2", lambda w: w / 2),
        ("inverse", "1 / w", lambda w: 1 / w),
        ("squared", "w^2", torch.square),
        ("exp", "exp(w)", torch.exp),
    )
    for what, to, make in forms:
        yield what, fact("weight", weight=path, to=to), make
    of = weight(path)
    yield "bfloat16", fact("rounded", of=of, to="bfloat16"), lambda w: w.bfloat16().to(w.dtype)
    yield "float16", fact("rounded", of=of, to="float16"), lambda w: w.half().to(w.dtype)
    yield "int8 per tensor", fact("quantised", of=of, scale="tensor"), lambda w: _quantised(w, w.abs().amax())
    yield "int8 per row", fact("quantised", of=of, scale="row"), lambda w: _quantised(w, w.abs().amax(-1, True))


def _quantised(w: torch.Tensor, largest: torch.Tensor) -> torch.Tensor:
    scale = largest / 127
    return (w / scale).round().clamp(-127, 127) * scale


def _orders(path: str, tensor: torch.Tensor) -> Iterator[Variant]:
    def transposed(how: str) -> Fact:
        return fact("weight transposed", weight=path, how=how)

    if tensor.ndim == 2 and tensor.shape[0] == tensor.shape[1]:
        yield "transposed", transposed("transposed"), lambda w: w.T
    if tensor.ndim == 2:
        yield "read transposed", transposed("stored transposed"), lambda w: w.T.reshape(w.shape)
        yield "reshaped", transposed("reshaped"), lambda w: w.reshape(w.shape[::-1]).T
    for index, size in enumerate(tensor.shape):
        if size > 1:
            yield from _along(path, axis(None, index, size))


def _along(path: str, along: Fact) -> Iterator[Variant]:
    """The order of one axis."""
    index, size = along["index"], along["size"]
    place = {"of": weight(path), "axis": along}
    named = f"axis {index}"
    yield f"{named} reversed", fact("reversed", **place), lambda w: w.flip(index)
    for shift in (1, -1):
        made = fact("shifted", **place, by=shift, zeros=False)
        yield f"{named} shifted {shift}", made, lambda w, s=shift: w.roll(s, index)
    for count in range(2, min(size // 2, _LARGEST) + 1):
        if size % count == 0:
            blocks = {**place, "blocks": count}
            made = fact("interleaved", **blocks)
            yield f"{named} interleaved by {count}", made, lambda w, c=count: _interleaved(w, index, c)
            made = fact("blocks reversed", **blocks)
            yield f"{named} blocks {count} reversed", made, lambda w, c=count: _blocks_reversed(w, index, c)
            if size // count % 2 == 0:
                made = fact("rotary order", **blocks, to="pairs")
                yield f"{named} rope order {count}", made, lambda w, c=count: _rope_order(w, index, c)
                made = fact("rotary order", **blocks, to="halves")
                yield f"{named} half order {count}", made, lambda w, c=count: _half_order(w, index, c)


def _interleaved(w: torch.Tensor, axis: int, count: int) -> torch.Tensor:
    return w.unflatten(axis, (count, -1)).transpose(axis, axis + 1).flatten(axis, axis + 1)


def _blocks_reversed(w: torch.Tensor, axis: int, count: int) -> torch.Tensor:
    return w.unflatten(axis, (count, -1)).flip(axis).flatten(axis, axis + 1)


def _rope_order(w: torch.Tensor, axis: int, count: int) -> torch.Tensor:
    return w.unflatten(axis, (count, 2, -1)).transpose(axis + 1, axis + 2).flatten(axis, axis + 2)


def _half_order(w: torch.Tensor, axis: int, count: int) -> torch.Tensor:
    return w.unflatten(axis, (count, -1, 2)).transpose(axis + 1, axis + 2).flatten(axis, axis + 2)


def _of_others(scene: Scene, name: str, tensor: torch.Tensor) -> Iterator[Counterfactual]:
    """The tensors of the same shape that other modules have, those of the same name in other layers first."""
    own = weight_path(scene, name)
    for other, found in (*scene.snapshot.model.named_parameters(), *scene.snapshot.model.named_buffers()):
        if other == own or found.shape != tensor.shape or not found.is_floating_point():
            continue
        yield Counterfactual(
            id=f"weight/{name} of {other}",
            category="weights",
            changes=(fact("other weight", weight=own, found=other),),
            within=with_tensor(name, lambda snapshot, _own, path=other: _tensor(snapshot.model, path)),
        )


def _tensor(model: nn.Module, path: str) -> torch.Tensor:
    module, _, name = path.rpartition(".")
    return getattr(model.get_submodule(module), name).detach()
