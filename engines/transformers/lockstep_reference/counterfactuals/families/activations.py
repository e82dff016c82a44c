"""Activations: the functions that engines have in each other's place, and constants as they are rounded in places."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch.nn import functional

from lockstep_reference.counterfactuals.facts import fact
from lockstep_reference.counterfactuals.operations import Named, Operation

# By the name that facts have for them.
ACTIVATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "gelu_erf": functional.gelu,
    "gelu_tanh": lambda x: functional.gelu(x, approximate="tanh"),
    "quick_gelu": lambda x: x * torch.sigmoid(1.702 * x),
    "silu": functional.silu,
    "relu": functional.relu,
    "relu_squared": lambda x: functional.relu(x) ** 2,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "softplus": functional.softplus,
    "relu6": functional.relu6,
    "elu": functional.elu,
    "selu": functional.selu,
    "mish": functional.mish,
    "hard_swish": functional.hardswish,
    "leaky_relu": functional.leaky_relu,
    "none": lambda x: x,
    "exp": torch.exp,
}
_ROOTS = (0.7978845608028654, 0.797884, 0.79788, 0.7979, 0.798, 0.8, 0.796875)
_CUBES = (0.044715, 0.0447, 0.04472, 0.045, 0.044677734375)
# The constants of the tanh approximation of GELU, as they are rounded in places.
CONSTANTS = [(root, cube) for root in _ROOTS for cube in _CUBES if (root, cube) != (_ROOTS[0], _CUBES[0])]
NONLINEAR = ("gelu", "silu", "relu", "sigmoid", "tanh", "softplus", "relu6", "elu", "selu", "mish", "hardswish", "exp")


def nonlinear(name: str, operation: Operation) -> Iterator[Named]:
    """Another activation in the place of one that is an operation, or the same one twice."""
    own = _activation(name, operation)
    for other, function in ACTIVATIONS.items():
        if other != own:
            made = fact("activation", expected=own, found=other)
            yield other, "activation", made, lambda func, args, kwargs, f=function: f(args[0])
    for root, cube in CONSTANTS:
        made = fact("activation constants", expected=own, root=root, cube=cube)
        function = tanh_gelu(root, cube)
        yield (
            f"gelu_tanh {root:.7g} {cube:.7g}",
            "activation",
            made,
            lambda func, args, kwargs, f=function: f(args[0]),
        )
    yield (
        "twice",
        "activation",
        fact("applied twice", operation=name),
        lambda func, args, kwargs: func(func(*args, **kwargs), *args[1:], **kwargs),
    )


def tanh_gelu(root: float, cube: float) -> Callable[[torch.Tensor], torch.Tensor]:
    """The tanh approximation of GELU with these constants."""
    return lambda x: 0.5 * x * (1 + torch.tanh(root * (x + cube * x**3)))


def _activation(name: str, operation: Operation) -> str:
    """The name that facts give to the activation that an operation is."""
    if name == "gelu":
        return "gelu_tanh" if operation.kwargs.get("approximate") == "tanh" else "gelu_erf"
    return {"hardswish": "hard_swish"}.get(name, name)
