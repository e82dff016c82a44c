"""Hooks on every module of a model: names each tensor's site and hands it to a sink, in execution order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import torch
from torch import nn

from lockstep_reference.replay import Replacement, replace_argument, replace_outputs
from lockstep_reference.sites import CallLabels, first_input, outputs

# The attribute through which the attention function finds the capture of the model copy it runs in. An attribute
# and not a global: two copies of a model run at the same time.
TAPPER = "_lockstep_tapper"


class Sink(Protocol):
    """What a capture writes to."""

    def wants(self, site: str) -> bool:
        """True when the site is asked for: lets the capture skip work whose result nobody reads."""

    def tap(self, site: str, tensor: torch.Tensor) -> None:
        """Takes the tensor as it is now; it may change afterwards."""

    def flush(self) -> None:
        """A layer has ended."""


class Call(NamedTuple):
    """One running call of a module."""

    path: str
    label: str
    input: torch.Tensor | None


class Capture:
    """Attaches hooks to all modules of `model` and passes their inputs and outputs to `sink`.

    With a `replacement`, what was tapped is then replaced by the engine's tensor at that site (see replay.py).

    `running` is the stack of module calls; after an exception its last element is the innermost module.
    """

    def __init__(self, model: nn.Module, sink: Sink, replacement: Replacement | None = None) -> None:
        self.sink = sink
        self.replacement = replacement
        self.running: list[Call] = []
        self.labels = CallLabels()
        self._handles: list[Any] = []
        layers = _outermost_list_elements(model)
        hidden = inside_experts(model)
        for path, module in model.named_modules():
            if path and path not in hidden:
                self._handles.append(module.register_forward_pre_hook(self._before(path), with_kwargs=True))
                after = self._after(path, ends_layer=path in layers)
                self._handles.append(module.register_forward_hook(after, with_kwargs=True))
            module.__dict__[TAPPER] = FunctionalTapper(self, path)

    def exchange(self, site: str, tensor: torch.Tensor) -> torch.Tensor:
        """Taps `tensor` and returns what the model shall go on with: the engine's tensor, or the same."""
        self.sink.tap(site, tensor)
        return tensor if self.replacement is None else self.replacement.of(site, tensor)

    def start_phase(self) -> None:
        """Forgets the calls of the phase before."""
        self.labels.clear()
        self.running.clear()

    def detach(self) -> None:
        """Removes all hooks."""
        for handle in self._handles:
            handle.remove()

    def _before(self, path: str) -> Callable[..., Any]:
        def hook(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            label = self.labels.label(path, args, kwargs)
            tensor = first_input(module, args, kwargs)
            self.running.append(Call(path, label, tensor))
            if tensor is None:
                return None
            new = self.exchange(f"{path}:in{label}", tensor)
            return None if new is tensor else replace_argument(args, kwargs, tensor, _valid_input(module, tensor, new))

        return hook

    def _after(self, path: str, *, ends_layer: bool) -> Callable[..., Any]:
        def hook(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> Any:
            label = self.running.pop().label
            ports = list(outputs(output))
            changes = [(tensor, self.exchange(f"{path}:{port}{label}", tensor)) for port, tensor in ports]
            changes = [(own, _valid_choice(ports[0][1], own, new)) for own, new in changes]
            if ends_layer:
                self.sink.flush()
            return None if self.replacement is None else replace_outputs(output, changes)

        return hook


class FunctionalTapper:
    """The functional sites of one module: `path#name`."""

    def __init__(self, capture: Capture, path: str) -> None:
        self._capture = capture
        self._path = path

    def _site(self, name: str) -> str:
        running = self._capture.running
        label = running[-1].label if running and running[-1].path == self._path else ""
        return f"{self._path}#{name}{label}"

    def wants(self, name: str) -> bool:
        """True when `path#name` is asked for."""
        return self._capture.sink.wants(self._site(name))

    def tap(self, name: str, tensor: torch.Tensor) -> None:
        """Hands the tensor of `path#name` to the sink."""
        self._capture.sink.tap(self._site(name), tensor)

    @property
    def replaying(self) -> bool:
        """True when `exchange` may answer with another tensor."""
        return self._capture.replacement is not None

    def exchange(self, name: str, tensor: torch.Tensor) -> torch.Tensor:
        """Taps the tensor of `path#name` and returns what to go on with."""
        return self._capture.exchange(self._site(name), tensor)


def _valid_input(module: nn.Module, own: torch.Tensor, new: torch.Tensor) -> torch.Tensor:
    """`new`, or `own` where the module could not take it: token ids outside an embedding table."""
    if isinstance(module, nn.Embedding) and (new.min() < 0 or new.max() >= module.num_embeddings):
        return own
    return new


def _valid_choice(logits: torch.Tensor, own: torch.Tensor, new: torch.Tensor) -> torch.Tensor:
    """`new`, or `own` where nobody could follow it: a choice among the columns of `logits` that are not there."""
    if new is own or own.is_floating_point() or own is logits or not logits.is_floating_point() or own.numel() == 0:
        return new
    return own if new.min() < 0 or new.max() >= max(logits.shape[-1], int(own.max()) + 1) else new


def inside_experts(model: nn.Module) -> set[str]:
    """Paths inside modules that run many experts: which of them is called for which tokens is the engine's affair.

    transformers swaps the forward of such modules for other implementations; its decorator leaves a mark.
    """
    experts = [path for path, module in model.named_modules() if hasattr(module, "_is_expert_parallel")]
    return {path for path, _ in model.named_modules() if any(path.startswith(f"{outer}.") for outer in experts)}


def _outermost_list_elements(model: nn.Module) -> set[str]:
    """Paths of the elements of ModuleLists that lie in no other ModuleList: the layers."""
    elements: set[str] = set()
    inside: list[str] = []
    for path, module in model.named_modules():
        if isinstance(module, nn.ModuleList) and not any(path.startswith(outer) for outer in inside):
            inside.append(f"{path}.")
            elements.update(f"{path}.{name}" for name, _ in module.named_children())
    return elements
