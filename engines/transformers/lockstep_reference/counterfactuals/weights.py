"""Weights: the owner's parameters missing, fresh, transposed, in another order, or those of another module."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import nn

from lockstep_reference.counterfactuals.base import Counterfactual, Scene, with_tensor
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
            for what, sentence, make in list(_values(name, tensor))[:_LIKELY]:
                yield _one(scene, name, what, sentence, make)
            continue
        for what, sentence, make in (*_values(name, tensor), *_orders(name, tensor)):
            yield _one(scene, name, what, sentence, make)
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
        for words, operation in (
            ("multiplied by", torch.mul),
            ("divided by", torch.div),
            ("with the sum of", torch.add),
        ):
            yield Counterfactual(
                id=f"weight/{words} {path}",
                category="weights",
                sentence=f"values {words} {path}",
                source=path,
                finish=lambda snapshot, own, p=path, f=operation: f(own, _tensor(snapshot.model, p).to(own.dtype)),
            )


def _fitted(scene: Scene, name: str) -> Iterator[Counterfactual]:
    """The tensor plus, or times, a number."""
    forms: dict[str, tuple[Callable[[torch.Tensor, float], torch.Tensor], float]] = {
        "{} + {}": (torch.add, 0.0),
        "{} x {}": (torch.mul, 1.0),
    }
    if not scene.engine.is_floating_point():
        return
    for words, (form, start) in forms.items():

        def change(c: float, form: Callable[[torch.Tensor, float], torch.Tensor] = form) -> Within:
            return with_tensor(name, lambda _snapshot, own: form(own, c))

        found = fit(scene, change, start)
        if found is None:
            continue
        named = scene.numbers.name(*found)
        value = named[0] if named else found[0]
        what = words.format(name, f"{value:.6g}")
        yield Counterfactual(f"weight/{what}", "weights", f"{what} in place of {name}", name, within=change(value))


def _own(module: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    for table in (module._parameters, module._buffers):
        for name, tensor in table.items():
            if tensor is not None and tensor.is_floating_point():
                yield name, tensor


def _one(scene: Scene, name: str, what: str, sentence: str, make: Make) -> Counterfactual:
    return Counterfactual(
        id=f"weight/{name}: {what}",
        category="bias" if name == "bias" else "weights",
        sentence=sentence,
        source=f"{scene.snapshot.path}.{name}",
        within=with_tensor(name, lambda _snapshot, own: make(own)),
    )


def _values(name: str, tensor: torch.Tensor) -> Iterator[tuple[str, str, Make]]:
    yield "zero", f"{name} not loaded, or left out: zeros", torch.zeros_like
    yield "one", f"{name} not loaded: ones", torch.ones_like
    yield "1+w", f"1 + {name} in place of {name}", lambda w: 1 + w
    yield "w-1", f"{name} - 1 in place of {name}", lambda w: w - 1
    yield "negative", f"{name} with the other sign", torch.neg
    yield "twice", f"{name} twice", lambda w: 2 * w
    yield "half", f"half of {name}", lambda w: w / 2
    yield "inverse", f"1 / {name}", lambda w: 1 / w
    yield "squared", f"{name} squared, or applied twice", torch.square
    yield "exp", f"exp({name})", torch.exp
    yield "bfloat16", f"{name} rounded to bfloat16", lambda w: w.bfloat16().to(w.dtype)
    yield "float16", f"{name} rounded to float16", lambda w: w.half().to(w.dtype)
    yield "int8 per tensor", f"{name} quantised to 8 bits with one scale", lambda w: _quantised(w, w.abs().amax())
    yield (
        "int8 per row",
        f"{name} quantised to 8 bits with a scale a row",
        lambda w: _quantised(w, w.abs().amax(-1, True)),
    )


def _quantised(w: torch.Tensor, largest: torch.Tensor) -> torch.Tensor:
    scale = largest / 127
    return (w / scale).round().clamp(-127, 127) * scale


def _orders(name: str, tensor: torch.Tensor) -> Iterator[tuple[str, str, Make]]:
    if tensor.ndim == 2 and tensor.shape[0] == tensor.shape[1]:
        yield "transposed", f"{name} transposed", lambda w: w.T
    if tensor.ndim == 2:
        yield "read transposed", f"{name} stored as its transpose", lambda w: w.T.reshape(w.shape)
        yield "reshaped", f"{name} reshaped where it should be transposed", lambda w: w.reshape(w.shape[::-1]).T
    for axis, size in enumerate(tensor.shape):
        if size < 2:
            continue
        axes = f"{name}'s axis {axis}"
        yield f"axis {axis} reversed", f"{axes} reversed", lambda w, a=axis: w.flip(a)
        for shift in (1, -1):
            yield f"axis {axis} shifted {shift}", f"{axes} shifted by {shift}", lambda w, a=axis, s=shift: w.roll(s, a)
        for count in range(2, min(size // 2, _LARGEST) + 1):
            if size % count == 0:
                words = f"{axes} ({size}) in the order of {count} x {size // count} transposed"
                yield f"axis {axis} interleaved by {count}", words, lambda w, a=axis, c=count: _interleaved(w, a, c)
                words = f"{axes} ({size}): its {count} blocks in reverse order"
                yield (
                    f"axis {axis} blocks {count} reversed",
                    words,
                    lambda w, a=axis, c=count: _blocks_reversed(w, a, c),
                )
                if size // count % 2 == 0:
                    words = f"{axes}: rows of each of {count} blocks permuted between half and interleaved rope order"
                    yield f"axis {axis} rope order {count}", words, lambda w, a=axis, c=count: _rope_order(w, a, c)
                    words = f"{words} (the other way)"
                    yield f"axis {axis} half order {count}", words, lambda w, a=axis, c=count: _half_order(w, a, c)


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
    own = f"{scene.snapshot.path}.{name}"
    for other, found in (*scene.snapshot.model.named_parameters(), *scene.snapshot.model.named_buffers()):
        if other == own or found.shape != tensor.shape or not found.is_floating_point():
            continue
        yield Counterfactual(
            id=f"weight/{name} of {other}",
            category="weights",
            sentence=f"{name} is that of {other}",
            source=own,
            within=with_tensor(name, lambda snapshot, _own, path=other: _tensor(snapshot.model, path)),
        )


def _tensor(model: nn.Module, path: str) -> torch.Tensor:
    module, _, name = path.rpartition(".")
    return getattr(model.get_submodule(module), name).detach()
