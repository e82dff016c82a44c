"""Frequencies: the rotary module's own buffers, from another base, scaled, shortened or in another order."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import torch

from lockstep_reference.counterfactuals.base import Counterfactual, Scene, tensor_of
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
            own = snapshot.module._buffers[name]
            # Ropes that change with the length go back to a buffer of their own.
            alike = [other for other, tensor in snapshot.module._buffers.items() if _equal(tensor, own)]
            with ExitStack() as stack:
                with torch.no_grad(), torch._C.DisableTorchFunction():
                    changed = make(own).to(own.dtype)
                    for other in alike:
                        stack.enter_context(tensor_of(snapshot.module, other, changed.clone()))
                yield

        return within

    def one(what: str, sentence: str, make: Callable[[torch.Tensor], torch.Tensor]) -> Counterfactual:
        return Counterfactual(f"rope-table/{name} {what}", "rope-tables", sentence, name, using(make))

    thetas = {path: value for path, value in scene.numbers.fields.items() if "theta" in path and value > 1}
    base = _base(buffer, [*thetas.values(), 10000.0])
    if base is not None:
        others = dict.fromkeys([*thetas.values(), 10000.0, 1e5, 5e5, 1e6])
        found = fit(scene, lambda c: using(lambda w: _power(w, c)), 1.0) if scene.fitting else None
        if found and 0.2 < found[0] < 5 and found[1] < 0.02:
            others |= dict.fromkeys([_named_base(scene, base ** found[0], found[1] * math.log(base))])
            span = 2 * round(size / found[0])
            if span != 2 * size and abs(2 * size / span - found[0]) <= 2 * found[1]:
                gamma = 2 * size / span
                text = f"exponents over {span} features in place of {2 * size}"
                yield one(f"span {span}", text, lambda w, g=gamma: _power(w, g))
        for theta in others:
            if theta != base:
                gamma = math.log(theta) / math.log(base)
                text = f"rope_theta {theta:.8g} in place of {base:.8g}"
                yield one(f"theta {base:g} -> {theta:g}", text, lambda w, g=gamma: _power(w, g))
    scale = fit(scene, lambda c: using(lambda w: w * c), 1.0) if scene.fitting else None
    for value in {scale[0] if scale else 1.0, 0.5, 0.25, 0.125, 2.0, 4.0, 8.0, *_factors(scene)} - {1.0}:
        yield one(f"x {value:.4g}", f"frequencies multiplied by {value:.6g}", lambda w, v=value: w * v)
    for theta in dict.fromkeys([*thetas.values(), 10000.0]):
        for kept in range(1, size + 1):
            for span in dict.fromkeys((2 * size, 2 * kept)):
                text = (
                    f"rope_theta {theta:g}, exponents over {span} features, {2 * kept} of {2 * size} features rotated"
                )
                made = lambda w, t=theta, k=kept, d=span: made_frequencies(w, t, k, d)  # noqa: E731
                yield one(f"theta {theta:g} over {span}, {kept} kept", text, made)
    for kept in range(size):
        yield one(f"first {kept}", f"only the first {kept} frequencies, the rest zero", lambda w, k=kept: _head(w, k))
    yield one("reversed", "frequencies in reverse order", lambda w: w.flip(0))
    for shift in (1, -1):
        yield one(f"shifted {shift}", f"frequencies shifted by {shift}", lambda w, s=shift: w.roll(s))


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
