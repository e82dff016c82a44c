"""Operations: every operation of a call left out, doubled, reversed or replaced by one that porters take for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.nn import functional

from lockstep_reference.counterfactuals.base import Counterfactual, Scene, changing
from lockstep_reference.counterfactuals.layouts import joined, reshaped, sliced
from lockstep_reference.counterfactuals.operations import Change, Named, Operation

ACTIVATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "GELU (erf)": functional.gelu,
    "GELU (tanh)": lambda x: functional.gelu(x, approximate="tanh"),
    "quick GELU": lambda x: x * torch.sigmoid(1.702 * x),
    "SiLU": functional.silu,
    "ReLU": functional.relu,
    "squared ReLU": lambda x: functional.relu(x) ** 2,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "softplus": functional.softplus,
    "ReLU6": functional.relu6,
    "ELU": functional.elu,
    "SELU": functional.selu,
    "Mish": functional.mish,
    "hard swish": functional.hardswish,
    "leaky ReLU": functional.leaky_relu,
    "no activation": lambda x: x,
    "exp": torch.exp,
    **{
        f"GELU (tanh) with its constants as {root:.7g} and {cube:.7g}": lambda x, r=root, c=cube: (
            0.5 * x * (1 + torch.tanh(r * (x + c * x**3)))
        )
        for root in (0.7978845608028654, 0.797884, 0.79788, 0.7979, 0.798, 0.8, 0.796875)
        for cube in (0.044715, 0.0447, 0.04472, 0.045, 0.044677734375)
        if (root, cube) != (0.7978845608028654, 0.044715)
    },
}
_NONLINEAR = ("gelu", "silu", "relu", "sigmoid", "tanh", "softplus", "relu6", "elu", "selu", "mish", "hardswish", "exp")
_BINARY = ("add", "sub", "mul", "div", "true_divide", "maximum", "minimum")


def changes(scene: Scene) -> Iterator[Counterfactual]:
    """Every variant of every operation that leads to the site."""
    for operation in scene.operations:
        name = _plain_name(operation.key.name)
        for variant, category, sentence, change in _variants(name, operation):
            if "constants" in variant and not scene.fitting:
                continue
            yield Counterfactual(
                id=f"operation/{type(scene.module).__name__}:{operation.key.line}.{operation.key.nth}/{name}:{variant}",
                category=category,
                sentence=sentence,
                source=operation.source,
                within=changing(operation.key, change),
            )


def _plain_name(name: str) -> str:
    """`add` for `add`, `add_` and `__iadd__`."""
    plain = name.strip("_")
    if name.startswith("__i") and plain not in ("invert", "index"):
        plain = plain[1:]
    return {"truediv": "div", "true_divide": "div"}.get(plain, plain)


def _in_place(operation: Operation) -> bool:
    name = operation.key.name
    return name.startswith("__i") or (name.endswith("_") and not name.endswith("__"))


def _variants(name: str, operation: Operation) -> Iterator[Named]:
    if not isinstance(operation.result, (torch.Tensor, tuple, list)):
        return
    yield from _of_kind(name, operation)
    if _keeps_shape(operation) and name not in (*_NONLINEAR, *_BINARY, "neg", "to", "float", "type_as"):
        yield "left out", "operation", f"`{name}` left out", _first_argument


def _of_kind(name: str, operation: Operation) -> Iterator[Named]:  # noqa: PLR0912 - one branch a kind
    if name in _NONLINEAR:
        yield from _nonlinear(name, operation)
    elif name in _BINARY:
        yield from _binary(name, operation)
    elif name == "softmax":
        yield from _softmax()
    elif name in ("cat", "concat", "stack"):
        yield from joined(operation)
    elif name in ("chunk", "split", "unbind", "tensor_split"):
        yield "reversed", "layout", f"the parts of `{name}` in reverse order", _on_result(lambda parts: parts[::-1])
    elif name in ("view", "reshape", "flatten", "unflatten"):
        yield from reshaped(name, operation)
    elif name == "neg":
        yield "left out", "rope", "a minus sign left out", _first_argument
    elif name in ("cos", "sin"):
        other = torch.sin if name == "cos" else torch.cos
        yield f"{name} swapped", "rope-tables", "cosine and sine swapped", lambda func, args, kwargs: other(args[0])
    elif name == "mean":
        yield "sum", "norm", "a sum in place of a mean", lambda func, args, kwargs: torch.sum(*args, **kwargs)
        yield "all", "norm", "a mean over all features in place of the last axis", _mean_of_all
    elif name in ("where", "masked_fill", "masked_fill_"):
        yield from _masked(name, operation)
    elif name in ("lt", "le", "gt", "ge"):
        other_name = {"lt": "le", "le": "lt", "gt": "ge", "ge": "gt"}[name]
        compare = getattr(torch, other_name)
        yield other_name, "mask", f"`{other_name}` in place of `{name}`", lambda func, args, kwargs: compare(*args)
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

        yield f"k={k}", "operation", f"the {k} largest of `topk`, not {given}", change


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


def _nonlinear(name: str, operation: Operation) -> Iterator[Named]:
    for title, function in ACTIVATIONS.items():
        if title.lower() == name:
            continue
        sentence = f"{title} in place of `{name}`{_approximation(operation)}"
        yield title, "activation", sentence, lambda func, args, kwargs, f=function: f(args[0])
    yield (
        "twice",
        "activation",
        f"`{name}` applied twice",
        lambda func, args, kwargs: func(func(*args, **kwargs), *args[1:], **kwargs),
    )


def _approximation(operation: Operation) -> str:
    approximate = operation.kwargs.get("approximate")
    return f" ({approximate})" if approximate else ""


def _binary(name: str, operation: Operation) -> Iterator[Named]:
    if len(operation.args) < 2 or not isinstance(operation.result, torch.Tensor):
        return
    left, right = operation.args[:2]
    neutral = 1 if name in ("mul", "div", "true_divide") else 0
    if isinstance(right, (int, float)) and right == neutral:
        return  # nothing to leave out
    words = {"add": "added", "sub": "subtracted", "mul": "multiplied", "div": "divided"}.get(name, name)
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
        f"the second operand of `{name}` not {words}",
        lambda func, args, kwargs: args[0] if in_place else fitting(args[0], func(*args, **kwargs)),
    )
    if not (isinstance(left, torch.Tensor) and isinstance(right, torch.Tensor)):
        return
    yield (
        "without the first",
        category,
        f"the first operand of `{name}` left out",
        lambda func, args, kwargs: fitting(args[1], func(*args, **kwargs)),
    )
    if name in ("add", "sub"):
        yield (
            "sign",
            category,
            "the second operand with the other sign",
            lambda func, args, kwargs: func(args[0], -args[1], *args[2:], **kwargs),
        )
        yield (
            "twice",
            category,
            "the second operand twice",
            lambda func, args, kwargs: func(args[0], 2 * args[1], *args[2:], **kwargs),
        )
        yield "product", "operation", "a product in place of a sum", lambda func, args, kwargs: args[0] * args[1]
    else:
        yield (
            "1+w",
            "norm",
            f"1 + w in place of w in `{name}`",
            lambda func, args, kwargs: func(args[0], 1 + args[1], *args[2:], **kwargs),
        )
        yield (
            "w-1",
            "norm",
            f"w in place of 1 + w in `{name}`",
            lambda func, args, kwargs: func(args[0], args[1] - 1, *args[2:], **kwargs),
        )
        yield (
            "1+left",
            "operation",
            "1 + the first operand in its place",
            lambda func, args, kwargs: func(1 + args[0], args[1], *args[2:], **kwargs),
        )
        yield (
            "twice",
            "operation",
            f"{words} twice",
            lambda func, args, kwargs: func(func(*args, **kwargs), *args[1:], **kwargs),
        )
        yield (
            "inverse",
            "operation",
            f"the inverse operation of `{name}`",
            lambda func, args, kwargs: args[0] / args[1] if name == "mul" else args[0] * args[1],
        )
        yield "sum", "operation", f"a sum in place of `{name}`", lambda func, args, kwargs: args[0] + args[1]
        yield (
            "negative",
            "operation",
            "the second operand with the other sign",
            lambda func, args, kwargs: func(args[0], -args[1], *args[2:], **kwargs),
        )


def _softmax() -> Iterator[Named]:
    def plus_one(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.Tensor:
        scores = args[0]
        top = scores.amax(-1, keepdim=True)
        powers = (scores - top).exp()
        return powers / (powers.sum(-1, keepdim=True) + (-top).exp())

    yield "plus one", "attention", "a one added to the softmax's sum", plus_one
    yield "sigmoid", "routing", "sigmoid in place of softmax", lambda func, args, kwargs: torch.sigmoid(args[0])
    yield "exp", "attention", "exponentials that are not normalised", lambda func, args, kwargs: torch.exp(args[0])
    yield (
        "axis",
        "attention",
        "softmax over the axis before the last",
        lambda func, args, kwargs: torch.softmax(args[0], -2),
    )
    yield (
        "log",
        "attention",
        "log-softmax in place of softmax",
        lambda func, args, kwargs: torch.log_softmax(args[0], -1),
    )
    yield (
        "twice",
        "attention",
        "softmax applied twice",
        lambda func, args, kwargs: func(func(*args, **kwargs), *args[1:], **kwargs),
    )
    yield (
        "base 2",
        "attention",
        "powers of 2 in place of e",
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
            "the condition of `where` always true",
            lambda func, args, kwargs: func(torch.ones_like(args[0]), *args[1:]),
        )
        yield (
            "second",
            "mask",
            "the condition of `where` never true",
            lambda func, args, kwargs: func(torch.zeros_like(args[0]), *args[1:]),
        )
        yield (
            "inverted",
            "mask",
            "the condition of `where` inverted",
            lambda func, args, kwargs: func(~args[0], *args[1:]),
        )
    elif len(operation.args) == 3:
        yield "inverted", "mask", "the mask inverted", lambda func, args, kwargs: func(args[0], ~args[1], args[2])
