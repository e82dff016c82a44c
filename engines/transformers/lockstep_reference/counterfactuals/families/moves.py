"""Data movement: what is scattered, joined or looked up comes from one place further, reversed, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

import torch

from lockstep_reference.counterfactuals.base import Counterfactual, Scene, changing, line_of, place_of
from lockstep_reference.counterfactuals.facts import Fact, axis, fact
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
        for path, tensor in _tensors(operation):
            place = ".".join(str(index + 1) for index in path)
            for what, made, change in variants(tensor, operand(name, *path)):
                yield Counterfactual(
                    id=f"move/{place_of(scene, operation.key)}/{name} {place}: {what}",
                    category="layout",
                    changes=(made,),
                    sources=operation.sources,
                    within=changing(operation.key, _with(path, change)),
                    place=line_of(operation.key),
                )


def operand(operation: str, index: int, part: int | None = None) -> Fact:
    """One operand of an operation, or a part of it, as what a change is made to; counted from 0 here, from 1 there."""
    return fact("operand", operation=operation, operand=index + 1, part=None if part is None else part + 1)


def _broadcast(operation: Operation) -> bool:
    shapes = {arg.shape for arg in operation.args if isinstance(arg, torch.Tensor)}
    return len(shapes) > 1


Path = tuple[int, ...]


def _tensors(operation: Operation) -> Iterator[tuple[Path, torch.Tensor]]:
    for index, arg in enumerate(operation.args):
        if isinstance(arg, torch.Tensor):
            yield (index,), arg
        elif isinstance(arg, (tuple, list)):
            for inner, part in enumerate(arg):
                if isinstance(part, torch.Tensor):
                    yield (index, inner), part


# Name for ids, fact, change.
Variant = tuple[str, Fact, Callable[[torch.Tensor], torch.Tensor]]


def variants(tensor: torch.Tensor, of: Fact) -> Iterator[Variant]:
    """Ways in which a tensor may be wrong; `of` says as a fact which one it is."""
    if tensor.numel() > 1 and tensor.dtype != torch.bool:
        yield "zero", fact("zero", of=of), torch.zeros_like
    if tensor.dtype in (torch.int64, torch.int32):
        for by in (1, -1, 2, -2):
            yield f"{by:+d}", fact("offset", of=of, by=by), lambda x, n=by: x + n if n > 0 else (x + n).clamp(min=0)
    axes = [axis(None, index, size) for index, size in enumerate(tensor.shape)]
    long = [index for index, size in enumerate(tensor.shape) if size > 1]
    for first, second in combinations([index for index in long if index > 0], 2):
        exchanged = {"of": of, "axes": [axes[first], axes[second]]}
        named = f"axes {first} and {second}"
        written = fact("axes exchanged", **exchanged, when="written")
        yield f"{named} written", written, lambda x, a=first, b=second: x.transpose(a, b).reshape(x.shape)
        read = fact("axes exchanged", **exchanged, when="read")
        yield f"{named} read", read, lambda x, a=first, b=second: _misread(x, a, b)
    for index in long:
        yield from _along(axes[index], of)
        yield from _of_size(axes[index], of)
    if long and tensor.is_floating_point():
        yield from _blocks(axes[long[-1]], of)


def _along(along: Fact, of: Fact) -> Iterator[Variant]:
    index = along["index"]

    def named(what: str, change: Callable[[torch.Tensor, int], torch.Tensor], kind: str, **params: Any) -> Variant:
        return f"axis {index} {what}", fact(kind, of=of, axis=along, **params), lambda x: change(x, index)

    yield named("shifted", lambda x, a: x.roll(1, a), "shifted", by=1, zeros=False)
    yield named("shifted back", lambda x, a: x.roll(-1, a), "shifted", by=-1, zeros=False)
    yield named("shifted, zeros", lambda x, a: _shifted(x, a, 1), "shifted", by=1, zeros=True)
    yield named("shifted back, zeros", lambda x, a: _shifted(x, a, -1), "shifted", by=-1, zeros=True)
    yield named("reversed", lambda x, a: x.flip(a), "reversed")
    yield named("first", lambda x, a: x.narrow(a, 0, 1).expand_as(x), "one index for all", index="first")
    yield named("last", lambda x, a: x.narrow(a, -1, 1).expand_as(x), "one index for all", index="last")


def _of_size(along: Fact, of: Fact) -> Iterator[Variant]:
    index, size = along["index"], along["size"]
    for kept in {size - size % width for width in (2, 4, 8, 16, 32)} | {size - 1}:
        if 0 < kept < size:
            made = fact("tail zero", of=of, axis=along, kept=kept)
            yield f"axis {index} tail {kept}", made, lambda x, k=kept: _cut(x, index, k)
    for count in (2, 3, 4, 8):
        if size % count == 0 and size > count:
            for shard in range(count):
                made = fact("one shard", of=of, axis=along, shard=shard + 1, shards=count)
                yield f"axis {index} shard {shard} of {count}", made, lambda x, c=count, i=shard: _shard(x, index, c, i)
    for count in range(2, min(size, 33)):
        if size % count == 0 and count < size:
            made = fact("interleaved", of=of, axis=along, blocks=count)
            yield f"axis {index} interleaved {count}", made, lambda x, c=count: _interleaved(x, index, c)


def _blocks(along: Fact, of: Fact) -> Iterator[Variant]:
    """An axis that holds, say, queries, keys and values of every head, in the order of heads or of the three."""
    index, size = along["index"], along["size"]
    for outer in (2, 3, 4):
        for inner in range(2, 17):
            if size % (outer * inner) == 0 and size > outer * inner:
                for first, second in ((outer, inner), (inner, outer)):
                    yield (
                        f"axis {index} blocks {first} x {second}",
                        fact("blocks exchanged", of=of, axis=along, outer=first, inner=second),
                        lambda x, p=first, q=second: _reblocked(x, index, p, q),
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
