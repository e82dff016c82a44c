"""Names of sites: ports, call labels, patterns. docs/protocol.md, "Sites".

A framework is known here by one thing: `kind`, the type of its tensors.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

# Taken as a module's input before any other tensor, in this order.
_PREFERRED_INPUTS = ("hidden_states", "inputs_embeds", "input_ids", "x")


def site_filter(patterns: list[str] | None) -> Callable[[str], bool]:
    """A predicate for sites that match one of `patterns` (`*` any characters); everything when None."""
    if patterns is None:
        return lambda site: True
    alternatives = "|".join(".*".join(map(re.escape, pattern.split("*"))) for pattern in patterns)
    return functools.cache(lambda site: re.fullmatch(alternatives, site) is not None)


@functools.cache
def parameter_names(function: Callable[..., Any]) -> tuple[str, ...]:
    """Names of a method's parameters that can be given by position, without the first (`self`)."""
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(function).parameters.values()
    return tuple(parameter.name for parameter in parameters if parameter.kind in positional)[1:]


def first_input(names: tuple[str, ...], args: tuple[Any, ...], kwargs: Mapping[str, Any], kind: type) -> Any:
    """The tensor of a call's `:in` site: a preferred name first, else the first tensor argument; None without one.

    `names` are those of the positional arguments, see `parameter_names`.
    """
    # Positional arguments beyond the signature (a wrapper's *args) keep their place but have no name.
    named = {**dict(zip(names, args, strict=False)), **kwargs}
    candidates = [*(named.get(name) for name in _PREFERRED_INPUTS), *args, *kwargs.values()]
    return next((value for value in candidates if isinstance(value, kind)), None)


def outputs(output: Any, kind: type) -> Iterator[tuple[str, Any]]:
    """Ports and tensors of a call's output: the first tensor is `out`, further ones for the same rows `out.1`, ...

    They may differ in the last axis, as the logits, weights and indices of a router do. By-products of another kind
    (an attention's probabilities) have other axes and sites of their own where they are made.
    """
    if isinstance(output, kind):
        parts: list[Any] = [output]
    elif isinstance(output, Mapping):
        parts = list(output.values())
    else:
        parts = list(output) if isinstance(output, (tuple, list)) else []
    tensors: list[Any] = [part for part in parts if isinstance(part, kind)]
    alike = [tensor for tensor in tensors if tensor.shape[:-1] == tensors[0].shape[:-1] and tensor.ndim > 0]
    alike = alike or tensors[:1]
    for index, tensor in enumerate(alike):
        yield ("out" if index == 0 else f"out.{index}"), tensor


class CallLabels:
    """Tells the calls of one module in one phase apart: "", "@1", ... or "@<string argument>"."""

    def __init__(self) -> None:
        self._calls: Counter[tuple[str, str]] = Counter()

    def label(self, path: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
        """The suffix of this call's sites; counts the call."""
        text = next((value for value in (*args, *kwargs.values()) if isinstance(value, str)), "")
        repeat = self._calls[path, text]
        self._calls[path, text] += 1
        if text:
            return f"@{text}" if repeat == 0 else f"@{text}.{repeat}"
        return "" if repeat == 0 else f"@{repeat}"

    def before(self, path: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> CallLabels:
        """A copy as it was before the call of `path` on these arguments was counted."""
        earlier = CallLabels()
        earlier._calls = self._calls.copy()
        text = next((value for value in (*args, *kwargs.values()) if isinstance(value, str)), "")
        earlier._calls[path, text] -= 1
        return earlier

    def clear(self) -> None:
        """Starts a new phase."""
        self._calls.clear()
