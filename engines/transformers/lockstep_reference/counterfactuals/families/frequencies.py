"""Frequencies: the rotary module's own buffers, from another base, scaled, shortened or in another order."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import torch

from lockstep_reference.counterfactuals.base import Counterfactual, Scene, tensor_of, weight_path
from lockstep_reference.counterfactuals.facts import Fact, axis, fact, weight
from lockstep_reference.counterfactuals.fit import fit
from lockstep_reference.counterfactuals.snapshot import Snapshot, Within


def frequencies(scene: Scene) -> Iterator[Counterfactual]:
    """Variants of every frequency buffer of the module that makes the tables."""
    for name, buffer in scene.module._buffers.items():
        if buffer is not None and "inv_freq" in name and buffer.ndim == 1:
            yield from _frequencies(scene, name, buffer)


def _frequencies(scene: Scene, name: str, buffer: torch.Tensor) -> Iterator[Counterfactual]:
    size = buffer.shape[0]

    def using(make: Callable[[torch.Tensor], torch.Tensor]) -> Within:
        @contextmanager
        def within(snapshot: Snapshot) -> Iterator[None]:
            own = snapshot.module.get_buffer(name)
            # Ropes that change with the length go back to a buffer of their own.
            every = snapshot.module.named_buffers(recurse=False, remove_duplicate=False)
            alike = [other for other, tensor in every if _equal(tensor, own)]
            with ExitStack() as stack:
                with torch.no_grad(), torch._C.DisableTorchFunction():
                    changed = make(own).to(own.dtype)
                    for other in alike:
                        stack.enter_context(tensor_of(snapshot.module, other, changed.clone()))
                yield

        return within

    path = weight_path(scene, name)
    along = axis("feature", 0, size)

    def one(what: str, made: Fact, make: Callable[[torch.Tensor], torch.Tensor], fitted: int = 0) -> Counterfactual:
        return Counterfactual(f"rope-table/{name} {what}", "rope-tables", (made,), within=using(make), fitted=fitted)

    thetas = {path: value for path, value in scene.numbers.fields.items() if "theta" in path and value > 1}
    base = _base(buffer, [*thetas.values(), 10000.0])
    if base is not None:
        # Bases, and whether they are fitted numbers without a name.
        others: dict[float, int] = dict.fromkeys([*thetas.values(), 10000.0, 1e5, 5e5, 1e6], 0)
        found = fit(scene, lambda c: using(lambda w: _power(w, c)), 1.0) if scene.fitting else None
        if found and 0.2 < found[0] < 5 and found[1] < 0.02:
            fitted = base ** found[0]
            named = _named_base(scene, fitted, found[1] * math.log(base))
            others.setdefault(named, 1 if named == fitted else 0)
            span = 2 * round(size / found[0])
            if span != 2 * size and abs(2 * size / span - found[0]) <= 2 * found[1]:
                gamma = 2 * size / span
                made = fact("rope span", expected=2 * size, found=span)
                yield one(f"span {span}", made, lambda w, g=gamma: _power(w, g))
        for theta, unnamed in others.items():
            if theta != base:
                gamma = math.log(theta) / math.log(base)
                made = fact("rope base", expected=base, found=theta)
                yield one(f"theta {base:g} -> {theta:g}", made, lambda w, g=gamma: _power(w, g), unnamed)
    scale = fit(scene, lambda c: using(lambda w: w * c), 1.0) if scene.fitting else None
    for value in {scale[0] if scale else 1.0, 0.5, 0.25, 0.125, 2.0, 4.0, 8.0, *_factors(scene)} - {1.0}:
        factor = scene.numbers.fact(value)
        unnamed = 1 if scale and value == scale[0] and factor["name"] is None else 0
        yield one(f"x {value:.4g}", fact("frequencies scaled", factor=factor), lambda w, v=value: w * v, unnamed)
    for theta in dict.fromkeys([*thetas.values(), 10000.0]):
        for kept in range(1, size + 1):
            for span in dict.fromkeys((2 * size, 2 * kept)):
                made = fact("rope frequencies", theta=theta, span=span, rotated=2 * kept, features=2 * size)
                yield one(
                    f"theta {theta:g} over {span}, {kept} kept",
                    made,
                    lambda w, t=theta, k=kept, d=span: made_frequencies(w, t, k, d),
                )
    for kept in range(size):
        made = fact("frequencies cut", kept=kept, of=size)
        yield one(f"first {kept}", made, lambda w, k=kept: _head(w, k))
    yield one("reversed", fact("reversed", of=weight(path), axis=along), lambda w: w.flip(0))
    for shift in (1, -1):
        made = fact("shifted", of=weight(path), axis=along, by=shift, zeros=False)
        yield one(f"shifted {shift}", made, lambda w, s=shift: w.roll(s))


def _equal(one: torch.Tensor | None, other: torch.Tensor) -> bool:
    return one is not None and one.shape == other.shape and torch.equal(one, other)


def _base(buffer: torch.Tensor, thetas: list[float]) -> float | None:
    """The theta that the frequencies are powers of."""
    kept = int((buffer != 0).sum())
    for theta in thetas:
        for span in (2 * len(buffer), 2 * kept):
            if torch.allclose(made_frequencies(buffer, theta, kept, span), buffer, rtol=1e-5):
                return theta
    return None


def _named_base(scene: Scene, theta: float, tolerance: float) -> float:
    """A fitted theta, as the config's number or the round one that it stands for."""
    named = scene.numbers.name(theta, tolerance)
    if named:
        return named[0]
    rounded = (float(f"{theta:.{digits}g}") for digits in range(1, 8))
    return next((number for number in rounded if abs(number / theta - 1) <= tolerance), theta)


def _power(w: torch.Tensor, gamma: float) -> torch.Tensor:
    return torch.where(w == 0, w, w.clamp(min=1e-300).pow(gamma))


def _head(w: torch.Tensor, kept: int) -> torch.Tensor:
    return torch.cat([w[:kept], torch.zeros_like(w[kept:])])


def made_frequencies(w: torch.Tensor, theta: float, kept: int, span: int) -> torch.Tensor:
    """Frequencies from scratch: theta^(-2i / span) for the first `kept`, 0 behind."""
    exponents = torch.arange(0, 2 * len(w), 2, dtype=torch.float64) / span
    return torch.where(torch.arange(len(w)) < kept, theta**-exponents, 0.0).to(w.dtype)


def _factors(scene: Scene) -> list[float]:
    return [
        1 / value for path, value in scene.numbers.fields.items() if path.endswith("factor") and value not in (0, 1)
    ]
