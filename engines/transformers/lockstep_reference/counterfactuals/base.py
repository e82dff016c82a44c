"""Counterfactuals, and the scene that they are tried in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from lockstep_reference.counterfactuals.error import ErrorMeasure
from lockstep_reference.counterfactuals.facts import Fact, Source, axis
from lockstep_reference.counterfactuals.names import Numbers
from lockstep_reference.counterfactuals.operations import Change, Changed, Listing, Operation, OperationKey, together
from lockstep_reference.counterfactuals.snapshot import Finish, Snapshot, Within


@dataclass(frozen=True)
class Counterfactual:
    """A change of the reference at one site, or two that are made together.

    `id` names it among others, and nothing is read out of it; `category` is the kind of porting fault. `changes` say
    what it is: facts as harness/verdict/change.ts declares them. `within` changes how the owning module runs, `finish`
    changes the site's tensor. Both work on any snapshot of the site: of other phases, in the engine's dtype and in
    float64.
    """

    id: str
    category: str
    changes: tuple[Fact, ...]
    # The reference's lines that do it right.
    sources: tuple[Source, ...] = ()
    within: Within | None = None
    finish: Finish | None = None
    # Its numbers that were fitted to the engine and have no name.
    fitted: int = 0
    # It only describes the form of an error.
    form: bool = False
    # What inputs it needs to be seen.
    needs: tuple[str, ...] = ()
    # The block of the tensor that is changed; None for all of it.
    part: list[Fact] | None = None
    # The place in the source that its id holds: no part of what it is called in other layers and other versions.
    place: str = ""

    @property
    def key(self) -> str:
        """One id for the same change in other layers, cases and versions of the reference."""
        return self.id.replace(self.place, "", 1) if self.place else self.id

    def value(self, snapshot: Snapshot) -> torch.Tensor | None:
        """The site's tensor under the change; None where it can't be made."""
        return snapshot.value(self.within, self.finish)


@dataclass
class Scene:
    """One site in one phase: what the engine has there, what the reference makes of the engine's data, and how."""

    snapshot: Snapshot
    reference: torch.Tensor
    engine: torch.Tensor
    measure: ErrorMeasure
    numbers: Numbers
    operations: list[Operation] = field(default_factory=list)
    # The same site in the other phases where the engine differs.
    others: list[Scene] = field(default_factory=list)
    # False when there is no engine to fit numbers to: only changes that can be named beforehand are wanted.
    fitting: bool = True

    @property
    def module(self) -> nn.Module:
        """The module that owns the site."""
        return self.snapshot.module

    def list_operations(self) -> None:
        """Finds the operations that have a part in the site's tensor."""
        listing = Listing()
        self.snapshot.value(lambda _snapshot: listing)
        self.operations = [operation for operation in together(listing.operations) if self._has_part(operation)]

    def _has_part(self, operation: Operation) -> bool:
        """False when another result of the operation leaves the site as it is: what follows was the engine's."""
        return self.moved_by(changing(operation.key, _disturbed))

    def moved_by(self, within: Within) -> bool:
        """True when a change moves the site's tensor, or breaks the call."""
        moved = self.snapshot.value(within)
        return moved is None or moved.shape != self.reference.shape or not torch.equal(moved, self.reference)


def _disturbed(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return _other(func(*args, **kwargs))


def _other(value: Any) -> Any:
    """Another value of the same kind."""
    if isinstance(value, (tuple, list)):
        return type(value)(_other(part) for part in value)
    if not isinstance(value, torch.Tensor):
        return value
    if value.dtype == torch.bool:
        return ~value
    # In another order, too: of some results nothing but the order of their numbers is used.
    return value * -1.01 + 0.01 if value.is_floating_point() else value + 1


def site_axis(scene: Scene, index: int) -> Fact:
    """An axis of the site's tensor as a fact."""
    return axis(_axis_name(scene, index), index, scene.engine.shape[index])


def axis_name(scene: Scene, index: int) -> str:
    """The name of what an axis of the site's tensor runs over, for ids."""
    return _axis_name(scene, index) or f"index of axis {index}"


def _axis_name(scene: Scene, index: int) -> str | None:
    functional = scene.snapshot.site.partition("#")[2].partition("@")[0]
    ndim = scene.engine.ndim
    heads_first = functional in ("q_rope", "k_rope", "value", "scores", "mask", "probs")
    if ndim == 4 and (heads_first or scene.snapshot.site.startswith("cache.")):
        last = "key" if functional in ("scores", "mask", "probs") else "feature"
        return ("sequence", "head", "token", last)[index]
    if ndim == 4:
        return ("sequence", "token", "head", "feature")[index]
    return ("sequence", "token", "feature")[index] if ndim == 3 else None


def place_of(scene: Scene, key: OperationKey) -> str:
    """`Class:line.nth`: an operation's place in the source, for ids."""
    return f"{type(scene.module).__name__}{line_of(key)}"


def line_of(key: OperationKey) -> str:
    """The part of `place_of` that is another one in other versions of the reference."""
    return f":{key.line}.{key.nth}"


def weight_path(scene: Scene, name: str) -> str:
    """The path in the model of a tensor that the owner holds as `name`."""
    return f"{scene.snapshot.path}.{name}" if scene.snapshot.path else name


def changing(key: OperationKey, change: Change) -> Within:
    """Puts `change` in the place of one operation."""
    return lambda _snapshot: Changed(key, change)


@contextmanager
def attribute(module: nn.Module, name: str, value: Any) -> Iterator[None]:
    """`module.name` is `value` inside the block."""
    before = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, before)


@contextmanager
def tensor_of(module: nn.Module, name: str, value: torch.Tensor) -> Iterator[None]:
    """The parameter or buffer `name` of `module` is `value` inside the block."""
    table: Any = module._parameters if name in module._parameters else module._buffers
    before = table[name]
    table[name] = nn.Parameter(value, requires_grad=False) if table is module._parameters else value
    try:
        yield
    finally:
        table[name] = before


def with_tensor(name: str, make: Any) -> Within:
    """The owner's parameter or buffer `name` becomes `make(snapshot, own)`."""

    def within(snapshot: Snapshot) -> AbstractContextManager[None]:
        own = getattr(snapshot.module, name)
        # Not in the oracle's mode, which would widen: the engine holds its weights in their own dtype.
        with torch.no_grad(), torch._C.DisableTorchFunction():
            return tensor_of(snapshot.module, name, make(snapshot, own.detach()).to(own.dtype))

    return within
