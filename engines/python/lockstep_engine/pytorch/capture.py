"""Hooks on every module of a PyTorch model: names each tensor's site and hands it to a sink, in execution order."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import torch
from torch import nn

from lockstep_engine.pytorch.replay import Answers, replace_argument, replace_outputs
from lockstep_engine.pytorch.sites import outputs
from lockstep_engine.sites import parameter_names
from lockstep_engine.taps import TAPPER, FunctionalTapper, Sink, Taps


class Capture(Taps):
    """Attaches hooks to all modules of `model` but those in `hidden`, and passes their inputs and outputs to `sink`.

    With a `replacement`, what was tapped is then replaced by the engine's tensor at that site (see replay.py).
    """

    def __init__(
        self,
        model: nn.Module,
        sink: Sink,
        replacement: Answers | None = None,
        hidden: Collection[str] = (),
    ) -> None:
        super().__init__(sink, torch.Tensor)
        self.replacement = replacement
        self._handles: list[Any] = []
        layers = _outermost_list_elements(model)
        for path, module in model.named_modules():
            if path and path not in hidden:
                self._handles.append(module.register_forward_pre_hook(self._before(path), with_kwargs=True))
                after = self._after(path, ends_layer=path in layers)
                self._handles.append(module.register_forward_hook(after, with_kwargs=True))
            module.__dict__[TAPPER] = FunctionalTapper(self, path)

    @property
    def replaying(self) -> bool:
        """True when `exchange` may answer with another tensor."""
        return self.replacement is not None

    def exchange(self, site: str, tensor: torch.Tensor) -> torch.Tensor:
        """Taps `tensor` and returns what the model shall go on with: the engine's tensor, or the same."""
        self.sink.tap(site, tensor)
        return tensor if self.replacement is None else self.replacement.of(site, tensor)

    def detach(self) -> None:
        """Removes all hooks."""
        for handle in self._handles:
            handle.remove()

    def _before(self, path: str) -> Callable[..., Any]:
        def hook(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            call = self.push(path, args, kwargs, parameter_names(type(module).forward))
            tensor = call.input
            if tensor is None:
                return None
            new = self.exchange(f"{path}:in{call.label}", tensor)
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


def _outermost_list_elements(model: nn.Module) -> set[str]:
    """Paths of the elements of ModuleLists that lie in no other ModuleList: the layers."""
    elements: set[str] = set()
    inside: list[str] = []
    for path, module in model.named_modules():
        if isinstance(module, nn.ModuleList) and not any(path.startswith(outer) for outer in inside):
            inside.append(f"{path}.")
            elements.update(f"{path}.{name}" for name, _ in module.named_children())
    return elements
