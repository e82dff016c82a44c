"""Data movement: what is scattered, joined or looked up comes from one place further, reversed, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch

from lockstep_reference.counterfactuals.base import Counterfactual, Scene, changing
from lockstep_reference.counterfactuals.operations import Change, Operation

_MOVES = (
    "masked_scatter", "masked_scatter_", "index_select", "gather", "scatter", "scatter_", "index_put", "index_put_",
    "index_copy", "index_copy_", "index_add", "index_add_", "cat", "concat", "stack", "embedding", "expand",
    "repeat_interleave", "repeat", "getitem", "take_along_dim", "pad", "roll", "matmul", "bmm", "linear", "conv1d",
    "conv2d", "where", "mul", "add",
)  # fmt: skip


def moves(scene: Scene) -> Iterator[Counterfactual]:
    """Each tensor that such an operation takes: shifted, reversed, one index for all, or zero."""
    for operation in scene.operations:
        name = operation.key.name.strip("_")
        if operation.key.name.strip("_") not in _MOVES and operation.key.name not in _MOVES:
            continue
        if name in ("mul", "add") and not _broadcast(operation):
            continue
        for place, path, tensor in _tensors(operation):
            for what, sentence, change in _variants(tensor):
                yield Counterfactual(
                    id=f"move/{type(scene.module).__name__}:{operation.key.line}.{operation.key.nth}/{name} {place}: {what}",
                    category="layout",
                    sentence=f"operand {place} of `{name}` {sentence}",
                    source=operation.source,
                    within=changing(operation.key, _with(path, change)),
                )


def _broadcast(operation: Operation) -> bool:
    shapes = {arg.shape for arg in operation.args if isinstance(arg, torch.Tensor)}
    return len(shapes) > 1


Path = tuple[int, ...]


def _tensors(operation: Operation) -> Iterator[tuple[str, Path, torch.Tensor]]:
    for index, arg in enumerate(operation.args):
        if isinstance(arg, torch.Tensor):
            yield str(index + 1), (index,), arg
        elif isinstance(arg, (tuple, list)):
            for inner, part in enumerate(arg):
                if isinstance(part, torch.Tensor):
                    yield f"{index + 1}.{inner + 1}", (index, inner), part


def _variants(tensor: torch.Tensor) -> Iterator[tuple[str, str, Callable[[torch.Tensor], torch.Tensor]]]:
    if tensor.dtype in (torch.int64, torch.int32):
        yield "+1", "one higher", lambda x: x + 1
        yield "-1", "one lower", lambda x: (x - 1).clamp(min=0)
    if tensor.dtype.is_floating_point and tensor.numel() > 1:
        yield "zero", "zero", torch.zeros_like
    for first in range(1, tensor.ndim):
        for second in range(first + 1, tensor.ndim):
            if tensor.shape[first] > 1 and tensor.shape[second] > 1:
                axes = f"axes {first} and {second}"
                yield (
                    f"{axes} written",
                    f"with {axes} written in the other order",
                    lambda x, a=first, b=second: x.transpose(a, b).reshape(x.shape),
                )
                yield (
                    f"{axes} read",
                    f"with {axes} read in the other order",
                    lambda x, a=first, b=second: _misread(x, a, b),
                )
    for axis, size in enumerate(tensor.shape):
        if size < 2:
            continue
        yield f"axis {axis} shifted", f"shifted by one along axis {axis}", lambda x, a=axis: x.roll(1, a)
        yield f"axis {axis} shifted back", f"shifted back by one along axis {axis}", lambda x, a=axis: x.roll(-1, a)
        yield (
            f"axis {axis} shifted with zeros",
            f"shifted by one along axis {axis}, zeros coming in",
            lambda x, a=axis: _shifted(x, a, 1),
        )
        yield (
            f"axis {axis} shifted back with zeros",
            f"shifted back by one along axis {axis}, zeros coming in",
            lambda x, a=axis: _shifted(x, a, -1),
        )
        yield f"axis {axis} reversed", f"reversed along axis {axis}", lambda x, a=axis: x.flip(a)
        yield (
            f"axis {axis} first",
            f"with the first index of axis {axis} for all",
            lambda x, a=axis: x.narrow(a, 0, 1).expand_as(x),
        )
        yield (
            f"axis {axis} last",
            f"with the last index of axis {axis} for all",
            lambda x, a=axis: x.narrow(a, -1, 1).expand_as(x),
        )
        for kept in {size - size % width for width in (2, 4, 8, 16, 32)} | {size - 1}:
            if 0 < kept < size:
                yield (
                    f"axis {axis} tail {kept}",
                    f"without what lies behind index {kept - 1} of axis {axis}: zeros",
                    lambda x, a=axis, k=kept: _cut(x, a, k),
                )
        for count in range(2, min(size, 33)):
            if size % count == 0 and count < size:
                yield (
                    f"axis {axis} interleaved {count}",
                    f"with axis {axis} ({size}) in the order of {count} x {size // count} transposed",
                    lambda x, a=axis, c=count: x.unflatten(a, (c, -1)).transpose(a, a + 1).flatten(a, a + 1),
                )


def _cut(x: torch.Tensor, axis: int, kept: int) -> torch.Tensor:
    cut = x.clone()
    cut.narrow(axis, kept, x.shape[axis] - kept).zero_()
    return cut


def _misread(x: torch.Tensor, first: int, second: int) -> torch.Tensor:
    shape = list(x.shape)
    shape[first], shape[second] = shape[second], shape[first]
    return x.reshape(shape).transpose(first, second)


def _shifted(x: torch.Tensor, axis: int, by: int) -> torch.Tensor:
    rolled = x.roll(by, axis).clone()
    rolled.narrow(axis, 0 if by > 0 else x.shape[axis] - 1, 1).zero_()
    return rolled


def _with(path: Path, change: Callable[[torch.Tensor], torch.Tensor]) -> Change:
    def changed(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        new = list(args)
        if len(path) == 1:
            new[path[0]] = change(args[path[0]])
        else:
            part = list(args[path[0]])
            part[path[1]] = change(part[path[1]])
            new[path[0]] = type(args[path[0]])(part) if isinstance(args[path[0]], tuple) else part
        return func(*new, **kwargs)

    return changed
