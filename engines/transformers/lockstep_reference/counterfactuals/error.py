"""Distance of a tensor from the engine's, in noise units: a first look that decides what the harness gets to judge."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from lockstep_engine.phases import Phase


@dataclass
class ErrorMeasure:
    """Errors at one site. `real` [..] is false for elements that belong to padding; `noise` is an rms."""

    engine: torch.Tensor
    noise: float
    real: torch.Tensor

    def score(self, value: torch.Tensor | None) -> float:
        """The largest of the error's rms over the whole tensor, its worst row and its worst column, over the noise."""
        if value is None or value.shape != self.engine.shape:
            return float("inf")
        if self.engine.dtype == torch.bool or not self.engine.is_floating_point():
            return float((((value != self.engine) & self.real).sum() / self.real.sum().clamp(min=1)).item())
        squares = self.squares(value)
        # Over the real elements: a slab's error is not made small by what lies around it.
        whole = (squares.sum() / self.real.sum().clamp(min=1)).item()
        rows = squares.reshape(-1, squares.shape[-1]) if squares.ndim > 1 else squares.reshape(1, -1)
        # Few elements vary more: a row or column counts from 3 times the noise of the whole on.
        worst = max(rows.mean(1).max().item(), rows.mean(0).max().item())
        return max(whole, worst / 4) ** 0.5 / self.noise

    def squares(self, value: torch.Tensor) -> torch.Tensor:
        """The squared error of every element, 0 at padding and where both are the same infinity."""
        error = torch.where(value == self.engine, 0.0, value.double() - self.engine.double())
        error = torch.where(self.real, error, 0.0)
        return torch.nan_to_num(error * error, nan=1e60, posinf=1e60)

    def same(self, one: torch.Tensor, other: torch.Tensor) -> bool:
        """True when two tensors differ by much less than the noise."""
        if one.shape != other.shape or not one.is_floating_point():
            return one.shape == other.shape and torch.equal(one, other)
        error = torch.nan_to_num(one.double() - other.double())
        return float(error.square().mean().sqrt()) < 0.02 * self.noise

    def failing_slab(self, value: torch.Tensor) -> Slab | None:
        """The smallest block of whole indices that holds every visible error; None when it is (nearly) everything."""
        if not self.engine.is_floating_point():
            return None
        resolution = torch.finfo(self.engine.dtype).eps
        size = torch.nan_to_num(value.double().abs(), posinf=0.0)
        visible = self.squares(value) > (8 * self.noise + 16 * resolution * size) ** 2
        parts = {}
        for axis, length in enumerate(visible.shape):
            others = [other for other in range(visible.ndim) if other != axis]
            hit, judged = (flags.any(dim=others) if others else flags for flags in (visible, self.real))
            if 0 < hit.sum() < judged.sum():
                parts[axis] = (length, tuple(hit.nonzero().flatten().tolist()))
        return Slab(parts) if parts else None


@dataclass(frozen=True)
class Slab:
    """A block of a tensor: for some axes, their length and the indices that belong to it."""

    parts: dict[int, tuple[int, tuple[int, ...]]]

    def mask(self, shape: torch.Size) -> torch.Tensor | None:
        """True [shape] inside the block; None where an axis has another length."""
        inside = torch.ones(shape, dtype=torch.bool)
        for axis, (length, indices) in self.parts.items():
            if axis >= len(shape) or shape[axis] != length:
                return None
            along = torch.zeros(length, dtype=torch.bool)
            along[list(indices)] = True
            inside &= along.reshape([-1 if other == axis else 1 for other in range(len(shape))])
        return inside

    def __str__(self) -> str:
        """For ids."""
        return " and ".join(
            f"{', '.join(f'{first}-{last}' for first, last in runs_of(indices))} of axis {axis}"
            for axis, (_, indices) in self.parts.items()
        )


def runs_of(indices: tuple[int, ...]) -> list[list[int]]:
    """`[[0, 3], [7, 7]]` for 0, 1, 2, 3, 7."""
    runs: list[list[int]] = []
    for index in indices:
        if runs and index == runs[-1][1] + 1:
            runs[-1][1] = index
        else:
            runs.append([index, index])
    return runs


def noise_of(reference: torch.Tensor, oracle: torch.Tensor, dtype: torch.dtype, real: torch.Tensor) -> float:
    """rms(reference - oracle), or half an ulp of `dtype` at the oracle's rms where that is larger."""
    if not oracle.is_floating_point():
        return 1.0
    error = torch.where(reference == oracle, 0.0, reference.double() - oracle.double())
    spread = _rms(torch.nan_to_num(torch.where(real, error, 0.0)))
    size = _rms(torch.nan_to_num(torch.where(real, oracle.double(), 0.0), posinf=0.0, neginf=0.0))
    return max(spread, torch.finfo(dtype).eps / 4 * size, 1e-300)


def _rms(values: torch.Tensor) -> float:
    return float(values.square().mean().sqrt().item()) if values.numel() else 0.0


def real_elements(site: str, shape: torch.Size, attention_mask: torch.Tensor, phase: Phase) -> torch.Tensor:
    """True [shape] for elements of real tokens; `attention_mask` [B, S].

    As harness/compare/padding.ts: queries are the last tokens of the phase.
    """
    count, end = phase.end - phase.start, phase.end
    real = torch.ones(shape, dtype=torch.bool)
    if attention_mask.all() or not shape or shape[0] != attention_mask.shape[0]:
        return real
    name = site.partition("#")[2].partition("@")[0]
    if site.startswith("cache.") or name in ("q_rope", "k_rope", "value", "mask", "probs"):
        axes = [2]
    elif name == "scores":
        axes = [2, 3]
    elif name == "context" or (len(shape) > 1 and shape[1] == count):
        axes = [1]
    else:
        # What a norm of queries or keys gets may be [B, H, S, D].
        axes = [2] if len(shape) == 4 and shape[2] == count and count > 1 else []
    for axis in axes:
        if len(shape) <= axis or shape[axis] > end:
            continue
        mask = attention_mask[:, end - shape[axis] : end].bool()
        real &= mask.reshape([shape[0] if d == 0 else shape[axis] if d == axis else 1 for d in range(len(shape))])
    return real
