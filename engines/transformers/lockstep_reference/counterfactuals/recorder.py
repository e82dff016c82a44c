"""Takes snapshots of the calls that lead to given sites, while a run replays an engine's."""

from __future__ import annotations

import functools
import re
from collections import deque
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from lockstep_engine.pytorch.capture import Capture
from lockstep_reference.counterfactuals.snapshot import Snapshot
from lockstep_reference.experts import inside_experts

# Tensors before a call that are kept: those of a layer or two.
_AROUND = 64


class Recorder:
    """Takes a snapshot of every (site, phase) in `targets` while the run goes on."""

    def __init__(
        self,
        targets: list[tuple[str, str]],
        capture: Capture,
        model: nn.Module,
        phase: Callable[[], str],
        *,
        oracle: bool,
    ) -> None:
        self.snapshots = [
            Snapshot(site, at, path, capture, model, oracle=oracle)
            for site, at in targets
            for path in owner_paths(model, site)
        ]
        self._capture = capture
        self._phase = phase
        self._open: list[Snapshot] = []
        # What the engine had just before, the nearest last.
        self._latest: deque[tuple[str, str, torch.Tensor]] = deque(maxlen=_AROUND)
        self._handles: list[Any] = []
        owners = {snapshot.path for snapshot in self.snapshots}
        # What these answer is no tensor of the engine's: they run in the call, as part of the module that has a site.
        untapped = inside_experts(model)
        for path, module in model.named_modules():
            if path in owners:
                self._handles.append(module.register_forward_pre_hook(self._before(path), with_kwargs=True))
            if path not in untapped and any(path.startswith(f"{owner}.") if owner else path for owner in owners):
                self._handles.append(module.register_forward_hook(self._child(path)))
            if path in owners:
                self._handles.append(module.register_forward_hook(self._after(path)))

    def saw(self, site: str, own: torch.Tensor, engine: torch.Tensor) -> None:
        """The replay goes on with `engine` at `site`, in place of its `own` tensor."""
        if engine.is_floating_point() and "#" not in site:
            self._latest.append((self._phase(), site, engine))
        for snapshot in self.snapshots:
            reached = snapshot.site == site and snapshot.phase == self._phase() and snapshot.engine is None
            if reached and self._owns(snapshot.path, site):
                snapshot.engine = engine
                snapshot.own = own.clone()
                # What is no module's work has no call that could be made again.
                snapshot.complete |= site.startswith("inputs#")
        depth = len(self._capture.running)
        for snapshot in self.snapshots:
            # What else a cache holds is known when the phase has ended.
            if site.startswith("cache.") and snapshot.site.startswith("cache.") and snapshot.phase == self._phase():
                snapshot.taps[site] = engine
        for snapshot in self.snapshots:
            other = snapshot.phase == self._phase() and site != snapshot.site
            # A layer that is wrong in the same way is no source.
            if other and without_layer(site) == without_layer(snapshot.site) and _alike(own, engine):
                snapshot.elsewhere[site] = engine
        for snapshot in self._open:
            # Children answer whole: what is inside them is not needed.
            if depth <= snapshot.depth or (depth == snapshot.depth + 1 and "#" not in site):
                snapshot.taps[site] = engine

    def _owns(self, path: str, site: str) -> bool:
        """True unless `site` is the input of a module that another one than `path` has called."""
        running = self._capture.running
        called = running[-1].path if running else ""
        if not site.startswith(f"{called}:in") or not called:
            return True
        return path == (running[-2].path if len(running) > 1 else "")

    def finish(self) -> list[Snapshot]:
        """The snapshots that were reached; the model goes on without the recorder."""
        for handle in self._handles:
            handle.remove()
        return [snapshot for snapshot in self.snapshots if snapshot.complete and snapshot.engine is not None]

    def _before(self, path: str) -> Callable[..., None]:
        def hook(_module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            running = self._capture.running
            label = running[-1].label if path else ""
            for snapshot in self.snapshots:
                wanted = snapshot.path == path and snapshot.phase == self._phase() and not snapshot.complete
                if wanted and label_of(snapshot.site, path) in (None, label):
                    snapshot.begin(args, kwargs)
                    snapshot.around = self._around(running[-1].input if path else None)
                    if path and running[-1].input is not None:
                        # Tapped just before this hook could see it.
                        snapshot.taps[f"{path}:in{label}"] = running[-1].input
                    self._open.append(snapshot)

        return hook

    def _around(self, given: torch.Tensor | None) -> dict[str, torch.Tensor]:
        """What lies around a call in this phase in the shape of what it is given, each tensor under its last name."""
        found: dict[str, torch.Tensor] = {}
        for phase, site, tensor in reversed(self._latest if given is not None else ()):
            if phase != self._phase() or given is None or tensor.shape != given.shape:
                continue
            with torch._C.DisableTorchFunction():
                if not any(torch.equal(tensor, other) for other in (given.to(tensor.dtype), *found.values())):
                    found[site] = tensor
        return found

    def _after(self, path: str) -> Callable[..., None]:
        def hook(_module: nn.Module, _args: Any, _output: Any) -> None:
            for snapshot in [snapshot for snapshot in self._open if snapshot.path == path]:
                snapshot.complete = True
                self._open.remove(snapshot)

        return hook

    def _child(self, path: str) -> Callable[..., None]:
        def hook(_module: nn.Module, _args: Any, output: Any) -> None:
            for snapshot in self._open:
                if path != snapshot.path and len(self._capture.running) == snapshot.depth:
                    snapshot.child_answered(path, output)

        return hook


def _alike(own: torch.Tensor, engine: torch.Tensor) -> bool:
    if own.shape != engine.shape or not own.is_floating_point():
        return own.shape == engine.shape and torch.equal(own, engine)
    with torch._C.DisableTorchFunction():
        error, size = (own.double() - engine.double()).abs().max(), own.double().abs().max()
    return bool(error <= 0.02 * size)


@functools.cache
def without_layer(site: str) -> str:
    """The site with every number between dots as `*`: the same for all layers."""
    return re.sub(r"(?<=\.)\d+(?=[.#:])", "*", site)


def owner_paths(model: nn.Module, site: str) -> list[str]:
    """Paths of the modules whose forward may make the tensor of `site`: for an input, those that may pass it on."""
    if site.startswith("cache."):
        _, index, name = site.split(".", 2)
        return [_attention_of_layer(model, int(index), cross="cross_" in name)]
    if "#" in site:
        path = site.partition("#")[0]
        return [path if _is_module(model, path) else ""]
    path, _, port = site.rpartition(":")
    if not _is_module(model, path):
        return [""]
    if not port.startswith("in"):
        return [path]
    callers = []
    while path:
        path = path.rpartition(".")[0]
        if not isinstance(model.get_submodule(path), (nn.ModuleList, nn.ModuleDict)):
            callers.append(path)
    return callers


def label_of(site: str, path: str) -> str | None:
    """The call that `site` names of its own module; None when it belongs to a module that `path` calls."""
    own = site.startswith((f"{path}:out", f"{path}#"))
    return f"@{site.partition('@')[2]}" if own and "@" in site else "" if own else None


def _attention_of_layer(model: nn.Module, index: int, *, cross: bool) -> str:
    """The innermost module that knows its layer by `index`; of several a decoder's attention to the encoder is last."""
    paths = [path for path, module in model.named_modules() if getattr(module, "layer_idx", None) == index]
    return max(reversed(paths) if cross else paths, key=lambda path: path.count("."), default="")


def _is_module(model: nn.Module, path: str) -> bool:
    try:
        model.get_submodule(path)
    except AttributeError:
        return False
    return bool(path)
