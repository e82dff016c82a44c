"""Precision: one operation, or all of them, in a lower precision than the reference works in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from lockstep_reference.counterfactuals.base import Counterfactual, Scene, changing, line_of, place_of
from lockstep_reference.counterfactuals.facts import TENSOR, fact
from lockstep_reference.counterfactuals.operations import Change

LOWER: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "bfloat16": lambda x: x.bfloat16(),
    "float16": lambda x: x.half(),
    "TF32": lambda x: _tf32(x, 0x1000),
    "TF32 cut off": lambda x: _tf32(x, 0),
}
_MOVES = (
    "view",
    "reshape",
    "transpose",
    "getitem",
    "expand",
    "unsqueeze",
    "squeeze",
    "cat",
    "permute",
    "flatten",
    "chunk",
)


def precision(scene: Scene) -> Iterator[Counterfactual]:
    """Each operation with its inputs, or its result, rounded; and every operation of the call."""
    if not scene.engine.is_floating_point():
        return
    for dtype, lower in LOWER.items():
        yield Counterfactual(
            id=f"precision/the site's tensor in {dtype}",
            category="precision",
            changes=(fact("rounded", of=TENSOR, to=dtype),),
            finish=lambda _snapshot, x, f=lower: rounded(f, x),
        )
        yield Counterfactual(
            id=f"precision/all operations in {dtype}",
            category="precision",
            changes=(fact("rounded", of=fact("every operation", module=type(scene.module).__name__), to=dtype),),
            within=lambda _snapshot, f=lower: _Everything(f),
        )
    for operation in scene.operations:
        name = operation.key.name.strip("_")
        result = operation.result
        if name in _MOVES or not (isinstance(result, torch.Tensor) and result.is_floating_point()):
            continue
        place = f"{place_of(scene, operation.key)}/{name}"
        for dtype, lower in LOWER.items():
            for part, of, change in (
                ("inputs", "operands", _inputs(lower)),
                ("result", "result", _result(lower)),
            ):
                yield Counterfactual(
                    id=f"precision/{place} {part} in {dtype}",
                    category="precision",
                    changes=(fact("rounded", of=fact(of, operation=name), to=dtype),),
                    sources=operation.sources,
                    within=changing(operation.key, change),
                    place=line_of(operation.key),
                )


def rounded(lower: Callable[[torch.Tensor], torch.Tensor], value: Any) -> Any:
    """`value` rounded and widened again; torch's own functions, since the oracle's mode would not round."""
    if not (isinstance(value, torch.Tensor) and value.is_floating_point()):
        return value
    with torch._C.DisableTorchFunction():
        return lower(value).to(value.dtype)


def _inputs(lower: Callable[[torch.Tensor], torch.Tensor]) -> Change:
    def changed(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return func(*(rounded(lower, arg) for arg in args), **{k: rounded(lower, v) for k, v in kwargs.items()})

    return changed


def _result(lower: Callable[[torch.Tensor], torch.Tensor]) -> Change:
    return lambda func, args, kwargs: rounded(lower, func(*args, **kwargs))


def _tf32(x: torch.Tensor, half: int) -> torch.Tensor:
    """10 bits of mantissa: nearest with ties away when half an ulp is added before, else cut off."""
    bits = x.float().view(torch.int32)
    return ((bits + half) & ~0x1FFF).view(torch.float32)


class _Everything(TorchFunctionMode):
    """Rounds the result of every operation."""

    def __init__(self, lower: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self._lower = lower

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        in_place = getattr(func, "__name__", "").endswith("_")
        return result if in_place else rounded(self._lower, result)
