"""Operations: every operation of a call left out, doubled, reversed or replaced by one that porters take for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch

from lockstep_reference.counterfactuals.base import Counterfactual, Scene, changing, line_of, place_of
from lockstep_reference.counterfactuals.facts import Fact, fact
from lockstep_reference.counterfactuals.families.activations import NONLINEAR, nonlinear
from lockstep_reference.counterfactuals.families.layouts import joined, reshaped, sliced
from lockstep_reference.counterfactuals.families.operands import binary, other_operation
from lockstep_reference.counterfactuals.operations import Change, Named, Operation

_BINARY = ("add", "sub", "mul", "div", "true_divide", "maximum", "minimum")


def changes(scene: Scene) -> Iterator[Counterfactual]:
    """Every variant of every operation that leads to the site."""
    for operation in scene.operations:
        name = _plain_name(operation.key.name)
        for variant, category, made, change in _variants(name, operation):
            if made["kind"] == "activation constants" and not scene.fitting:
                continue
            yield Counterfactual(
                id=f"operation/{place_of(scene, operation.key)}/{name}:{variant}",
                category=category,
                changes=(made,),
                sources=operation.sources,
                within=changing(operation.key, change),
                place=line_of(operation.key),
            )


def _plain_name(name: str) -> str:
    """`add` for `add`, `add_` and `__iadd__`."""
    plain = name.strip("_")
    if name.startswith("__i") and plain not in ("invert", "index"):
        plain = plain[1:]
    return {"truediv": "div", "true_divide": "div"}.get(plain, plain)


def _variants(name: str, operation: Operation) -> Iterator[Named]:
    if not isinstance(operation.result, (torch.Tensor, tuple, list)):
        return
    yield from _of_kind(name, operation)
    if _keeps_shape(operation) and name not in (*NONLINEAR, *_BINARY, "neg", "to", "float", "type_as"):
        yield "left out", "operation", fact("left out", operation=name), _first_argument


def _of_kind(name: str, operation: Operation) -> Iterator[Named]:  # noqa: PLR0912 - one branch a kind
    if name in NONLINEAR:
        yield from nonlinear(name, operation)
    elif name in _BINARY:
        yield from binary(name, operation)
    elif name == "softmax":
        yield from _softmax()
    elif name in ("cat", "concat", "stack"):
        yield from joined(name, operation)
    elif name in ("chunk", "split", "unbind", "tensor_split"):
        made = fact("parts reordered", operation=name, to="reversed")
        yield "reversed", "layout", made, _on_result(lambda parts: parts[::-1])
    elif name in ("view", "reshape", "flatten", "unflatten"):
        yield from reshaped(name, operation)
    elif name == "neg":
        yield "left out", "rope", fact("left out", operation=name), _first_argument
    elif name in ("cos", "sin"):
        swapped = {"cos": "sin", "sin": "cos"}[name]
        other = getattr(torch, swapped)
        yield (
            f"{name} swapped",
            "rope-tables",
            other_operation(name, swapped),
            lambda func, args, kwargs: other(args[0]),
        )
    elif name == "mean":
        yield "sum", "norm", other_operation(name, "sum"), lambda func, args, kwargs: torch.sum(*args, **kwargs)
        yield "all", "norm", other_operation(name, "mean of all features"), _mean_of_all
    elif name in ("where", "masked_fill", "masked_fill_"):
        yield from _masked(name, operation)
    elif name in ("lt", "le", "gt", "ge"):
        other_name = {"lt": "le", "le": "lt", "gt": "ge", "ge": "gt"}[name]
        compare = getattr(torch, other_name)
        yield other_name, "mask", other_operation(name, other_name), lambda func, args, kwargs: compare(*args)
    elif name == "getitem":
        yield from sliced(operation)
    elif name == "topk":
        yield from _number_of_largest(operation)


def _number_of_largest(operation: Operation) -> Iterator[Named]:
    """`topk` of fewer or more."""
    given = operation.kwargs.get("k", operation.args[1] if len(operation.args) > 1 else None)
    if not isinstance(given, int):
        return
    for k in sorted({1, given - 1, given + 1} - {0, given}):

        def change(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], k: int = k) -> Any:
            return func(args[0], k, *args[2:], **{name: value for name, value in kwargs.items() if name != "k"})

        yield f"k={k}", "operation", fact("number of largest", expected=given, found=k), change


def _first_argument(_func: Callable[..., Any], args: tuple[Any, ...], _kwargs: dict[str, Any]) -> Any:
    return args[0].clone()


def _on_result(then: Callable[[Any], Any]) -> Change:
    return lambda func, args, kwargs: then(func(*args, **kwargs))


def _keeps_shape(operation: Operation) -> bool:
    first, result = next(iter(operation.args), None), operation.result
    return (
        isinstance(first, torch.Tensor)
        and isinstance(result, torch.Tensor)
        and first.shape == result.shape
        and first.is_floating_point()
        and result.is_floating_point()
    )


def _softmax() -> Iterator[Named]:
    def plus_one(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.Tensor:
        scores = args[0]
        top = scores.amax(-1, keepdim=True)
        powers = (scores - top).exp()
        return powers / (powers.sum(-1, keepdim=True) + (-top).exp())

    def other(found: str) -> Fact:
        return other_operation("softmax", found)

    yield "plus one", "attention", other("softmax plus one"), plus_one
    yield "sigmoid", "routing", other("sigmoid"), lambda func, args, kwargs: torch.sigmoid(args[0])
    yield "exp", "attention", other("exp"), lambda func, args, kwargs: torch.exp(args[0])
    yield (
        "axis",
        "attention",
        other("softmax over the axis before the last"),
        lambda func, args, kwargs: torch.softmax(args[0], -2),
    )
    yield (
        "log",
        "attention",
        other("log_softmax"),
        lambda func, args, kwargs: torch.log_softmax(args[0], -1),
    )
    yield (
        "twice",
        "attention",
        fact("applied twice", operation="softmax"),
        lambda func, args, kwargs: func(func(*args, **kwargs), *args[1:], **kwargs),
    )
    yield (
        "base 2",
        "attention",
        other("softmax to base 2"),
        lambda func, args, kwargs: func(args[0] * 0.6931471805599453, *args[1:], **kwargs),
    )


def _mean_of_all(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.Tensor:
    own = func(*args, **kwargs)
    axes = list(range(-min(2, args[0].ndim - 1), 0))
    return args[0].mean(axes, keepdim=True).expand(own.shape).clone()


def _masked(name: str, operation: Operation) -> Iterator[Named]:
    if name == "where" and len(operation.args) == 3:
        yield (
            "first",
            "mask",
            fact("condition", operation=name, to="always true"),
            lambda func, args, kwargs: func(torch.ones_like(args[0]), *args[1:]),
        )
        yield (
            "second",
            "mask",
            fact("condition", operation=name, to="never true"),
            lambda func, args, kwargs: func(torch.zeros_like(args[0]), *args[1:]),
        )
        yield (
            "inverted",
            "mask",
            fact("condition", operation=name, to="inverted"),
            lambda func, args, kwargs: func(~args[0], *args[1:]),
        )
    elif len(operation.args) == 3:
        made = fact("condition", operation=name, to="inverted")
        yield "inverted", "mask", made, lambda func, args, kwargs: func(args[0], ~args[1], args[2])
