"""What planted bugs are made of."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from torch import nn


def changed(module: nn.Module, forward: Callable[..., Any]) -> None:
    """Gives one module another forward, called with the module, the right forward and the arguments.

    By a class of its own: copies of the module, each with its own hooks, must call their own children.
    """
    right = type(module).forward

    @functools.wraps(right)
    def other(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
        return forward(self, functools.partial(right, self), *args, **kwargs)

    module.__class__ = type(
        type(module).__name__,
        (type(module),),
        {"forward": other, "__module__": type(module).__module__},
    )
