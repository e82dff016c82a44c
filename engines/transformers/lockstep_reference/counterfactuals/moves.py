"""Data movement: what is scattered, joined or looked up comes from one place further, reversed, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

import torch

from lockstep_reference.counterfactuals.base import Counterfactual, Scene, changing
from lockstep_reference.counterfactuals.operations import Change, Operation

_MOVES = (
    "masked_scatter", "masked_scatter_", "index_select", "gather", "scatter", "scatter_", "index_put", "index_put_",
    "index_copy", "index_copy_", "index_add", "index_add_", "cat", "concat", "stack", "embedding", "expand",
    "repeat_interleave", "repeat", "getitem", "take_along_dim", "pad", "roll", "matmul", "bmm", "linear", "conv1d",
    "conv2d", "where", "mul", "add", "view", "reshape",
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
            for what, sentence, change in variants(tensor):
                line = f"{type(scene.module).__name__}:{operation.key.line}.{operation.key.nth}"
                yield Counterfactual(
                    id=f"move/{line}/{name} {place}: {what}",
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


Variant = tuple[str, str, Callable[[torch.Tensor], torch.Tensor]]


def variants(tensor: torch.Tensor) -> Iterator[Variant]:
    """Ways in which a tensor may be wrong: name, words, change."""
    if tensor.numel() > 1 and tensor.dtype != torch.bool:
        yield "zero", "zero", torch.zeros_like
    if tensor.dtype in (torch.int64, torch.int32):
        yield "+1", "one higher", lambda x: x + 1
        yield "-1", "one lower", lambda x: (x - 1).clamp(min=0)
        yield "+2", "two higher", lambda x: x + 2
        yield "-2", "two lower", lambda x: (x - 2).clamp(min=0)
    long = [axis for axis, size in enumerate(tensor.shape) if size > 1]
    for first, second in combinations([axis for axis in long if axis > 0], 2):
        axes = f"axes {first} and {second}"
        words = f"with {axes} written in the other order"
        yield f"{axes} written", words, lambda x, a=first, b=second: x.transpose(a, b).reshape(x.shape)
        yield f"{axes} read", f"with {axes} read in the other order", lambda x, a=first, b=second: _misread(x, a, b)
    for axis in long:
        yield from _along(axis)
        yield from _of_size(axis, tensor.shape[axis])
    if long and tensor.is_floating_point():
        yield from _blocks(long[-1], tensor.shape[long[-1]])


def _along(axis: int) -> Iterator[Variant]:
    def named(what: str, sentence: str, change: Callable[[torch.Tensor, int], torch.Tensor]) -> Variant:
        return f"axis {axis} {what}", sentence.format(f"axis {axis}"), lambda x: change(x, axis)

    yield named("shifted", "shifted by one along {}", lambda x, a: x.roll(1, a))
    yield named("shifted back", "shifted back by one along {}", lambda x, a: x.roll(-1, a))
    yield named("shifted, zeros", "shifted by one along {}, zeros coming in", lambda x, a: _shifted(x, a, 1))
    yield named("shifted back, zeros", "shifted back by one along {}, zeros coming in", lambda x, a: _shifted(x, a, -1))
    yield named("reversed", "reversed along {}", lambda x, a: x.flip(a))
    yield named("first", "with the first index of {} for all", lambda x, a: x.narrow(a, 0, 1).expand_as(x))
    yield named("last", "with the last index of {} for all", lambda x, a: x.narrow(a, -1, 1).expand_as(x))


def _of_size(axis: int, size: int) -> Iterator[Variant]:
    for kept in {size - size % width for width in (2, 4, 8, 16, 32)} | {size - 1}:
        if 0 < kept < size:
            words = f"without what lies behind index {kept - 1} of axis {axis}: zeros"
            yield f"axis {axis} tail {kept}", words, lambda x, k=kept: _cut(x, axis, k)
    for count in (2, 3, 4, 8):
        if size % count == 0 and size > count:
            for shard in range(count):
                words = f"with shard {shard + 1} of {count} of axis {axis} only: the others zero"
                yield f"axis {axis} shard {shard} of {count}", words, lambda x, c=count, i=shard: _shard(x, axis, c, i)
    for count in range(2, min(size, 33)):
        if size % count == 0 and count < size:
            words = f"with axis {axis} ({size}) in the order of {count} x {size // count} transposed"
            yield f"axis {axis} interleaved {count}", words, lambda x, c=count: _interleaved(x, axis, c)


def _blocks(axis: int, size: int) -> Iterator[Variant]:
    """An axis that holds, say, queries, keys and values of every head, in the order of heads or of the three."""
    for outer in (2, 3, 4):
        for inner in range(2, 17):
            if size % (outer * inner) == 0 and size > outer * inner:
                for first, second in ((outer, inner), (inner, outer)):
                    words = f"with axis {axis} ({size}) as {first} x {second} blocks in the order of {second} x {first}"
                    yield (
                        f"axis {axis} blocks {first} x {second}",
                        words,
                        lambda x, p=first, q=second: _reblocked(x, axis, p, q),
                    )


def _reblocked(x: torch.Tensor, axis: int, first: int, second: int) -> torch.Tensor:
    return x.unflatten(axis, (first, second, -1)).transpose(axis, axis + 1).flatten(axis, axis + 2)


def _interleaved(x: torch.Tensor, axis: int, count: int) -> torch.Tensor:
    return x.unflatten(axis, (count, -1)).transpose(axis, axis + 1).flatten(axis, axis + 1)


def _shard(x: torch.Tensor, axis: int, count: int, index: int) -> torch.Tensor:
    size = x.shape[axis] // count
    alone = torch.zeros_like(x)
    alone.narrow(axis, index * size, size).copy_(x.narrow(axis, index * size, size))
    return alone


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
