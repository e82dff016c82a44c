"""Operands: an operation of two with one of them left out, changed, or taken by another operation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from lockstep_reference.counterfactuals.facts import Fact, fact
from lockstep_reference.counterfactuals.operations import Named, Operation


def binary(name: str, operation: Operation) -> Iterator[Named]:
    """Variants of a sum, a difference, a product or a quotient."""
    if len(operation.args) < 2 or not isinstance(operation.result, torch.Tensor):
        return
    left, right = operation.args[:2]
    neutral = 1 if name in ("mul", "div", "true_divide") else 0
    if isinstance(right, (int, float)) and right == neutral:
        return  # nothing to leave out
    category = "residual" if name in ("add", "sub") else "operation"
    in_place = _in_place(operation)

    def fitting(value: Any, like: torch.Tensor) -> torch.Tensor:
        tensor = value if isinstance(value, torch.Tensor) else torch.tensor(value, dtype=like.dtype)
        return (
            tensor.to(like.dtype).expand(like.shape).clone()
            if tensor.dtype != like.dtype
            else tensor.expand(like.shape).clone()
        )

    yield (
        "without the second",
        category,
        fact("operand left out", operation=name, operand=2),
        lambda func, args, kwargs: args[0] if in_place else fitting(args[0], func(*args, **kwargs)),
    )
    if not (isinstance(left, torch.Tensor) and isinstance(right, torch.Tensor)):
        return
    yield (
        "without the first",
        category,
        fact("operand left out", operation=name, operand=1),
        lambda func, args, kwargs: fitting(args[1], func(*args, **kwargs)),
    )
    if name in ("add", "sub"):
        yield (
            "sign",
            category,
            _operand(name, 2, "-x"),
            lambda func, args, kwargs: func(args[0], -args[1], *args[2:], **kwargs),
        )
        yield (
            "twice",
            category,
            _operand(name, 2, "2x"),
            lambda func, args, kwargs: func(args[0], 2 * args[1], *args[2:], **kwargs),
        )
        yield "product", "operation", other_operation(name, "mul"), lambda func, args, kwargs: args[0] * args[1]
    else:
        yield (
            "1+w",
            "norm",
            _operand(name, 2, "1 + x"),
            lambda func, args, kwargs: func(args[0], 1 + args[1], *args[2:], **kwargs),
        )
        yield (
            "w-1",
            "norm",
            _operand(name, 2, "x - 1"),
            lambda func, args, kwargs: func(args[0], args[1] - 1, *args[2:], **kwargs),
        )
        yield (
            "1+left",
            "operation",
            _operand(name, 1, "1 + x"),
            lambda func, args, kwargs: func(1 + args[0], args[1], *args[2:], **kwargs),
        )
        yield (
            "twice",
            "operation",
            fact("applied twice", operation=name),
            lambda func, args, kwargs: func(func(*args, **kwargs), *args[1:], **kwargs),
        )
        yield (
            "inverse",
            "operation",
            other_operation(name, "div" if name == "mul" else "mul"),
            lambda func, args, kwargs: args[0] / args[1] if name == "mul" else args[0] * args[1],
        )
        yield "sum", "operation", other_operation(name, "add"), lambda func, args, kwargs: args[0] + args[1]
        yield (
            "negative",
            "operation",
            _operand(name, 2, "-x"),
            lambda func, args, kwargs: func(args[0], -args[1], *args[2:], **kwargs),
        )


def _operand(name: str, operand: int, to: str) -> Fact:
    """A function of an operand in its place."""
    return fact("operand changed", operation=name, operand=operand, to=to)


def other_operation(expected: str, found: str) -> Fact:
    """Another operation in its place."""
    return fact("operation", expected=expected, found=found)


def _in_place(operation: Operation) -> bool:
    name = operation.key.name
    return name.startswith("__i") or (name.endswith("_") and not name.endswith("__"))
