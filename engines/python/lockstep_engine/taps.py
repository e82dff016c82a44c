"""Follows the calls of a model's modules and hands their tensors to a sink, each under its site, in execution order.

A framework with hooks calls `enter` and `leave` from them; one without wraps the calls of its modules.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from lockstep_engine.sites import CallLabels, first_input, outputs

# The attribute of a module through which its code finds the taps of the model copy it runs in. An attribute and not a
# global: two copies of a model run at the same time.
TAPPER = "_lockstep_tapper"


class Sink(Protocol):
    """What taps are written to."""

    def wants(self, site: str) -> bool:
        """True when the site is asked for: lets the model skip work whose result nobody reads."""
        ...

    def tap(self, site: str, tensor: Any) -> None:
        """Takes the tensor as it is now; it may change afterwards."""

    def flush(self) -> None:
        """A layer has ended."""


class Call(NamedTuple):
    """One running call of a module."""

    path: str
    label: str
    input: Any


class Taps:
    """Names the sites of calls and hands their tensors to `sink`; `kind` is the type of the framework's tensors.

    `running` is the stack of module calls; after an exception its last element is the innermost module.
    """

    def __init__(self, sink: Sink, kind: type) -> None:
        self.sink = sink
        self.running: list[Call] = []
        self.labels = CallLabels()
        self._kind = kind

    @property
    def replaying(self) -> bool:
        """True when `exchange` may answer with another tensor."""
        return False

    def exchange(self, site: str, tensor: Any) -> Any:
        """Taps `tensor` and returns what the model shall go on with."""
        self.sink.tap(site, tensor)
        return tensor

    def start_phase(self) -> None:
        """Forgets the calls of the phase before."""
        self.labels.clear()
        self.running.clear()

    def push(self, path: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], names: tuple[str, ...] = ()) -> Call:
        """A call of the module `path` has started; taps nothing. `names` are those of positional arguments."""
        call = Call(path, self.labels.label(path, args, kwargs), first_input(names, args, kwargs, self._kind))
        self.running.append(call)
        return call

    def enter(self, path: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], names: tuple[str, ...] = ()) -> None:
        """A call of the module `path` has started: taps its `:in`."""
        call = self.push(path, args, kwargs, names)
        if call.input is not None:
            self.sink.tap(f"{path}:in{call.label}", call.input)

    def leave(self, output: Any, *, ends_layer: bool = False) -> None:
        """The innermost call has returned `output`: taps its `:out`, `:out.1`, ..."""
        call = self.running.pop()
        for port, tensor in outputs(output, self._kind):
            self.sink.tap(f"{call.path}:{port}{call.label}", tensor)
        if ends_layer:
            self.sink.flush()


class FunctionalTapper:
    """The functional sites of one module: `path#name`."""

    def __init__(self, taps: Taps, path: str) -> None:
        self._taps = taps
        self._path = path
        # The call that was tapped last, and how often each name has been in it.
        self._call: Call | None = None
        self._done: Counter[str] = Counter()

    def _site(self, name: str) -> str:
        running = self._taps.running
        call = running[-1] if running else None
        if call is not self._call:
            self._call = call
            self._done.clear()
        label = call.label if call is not None and call.path == self._path else ""
        again = self._done[name]
        return f"{self._path}#{name}{label}" if again == 0 else f"{self._path}#{name}{label or '@'}+{again}"

    def _take(self, name: str) -> str:
        site = self._site(name)
        self._done[name] += 1
        return site

    def wants(self, name: str) -> bool:
        """True when `path#name` is asked for."""
        return self._taps.sink.wants(self._site(name))

    def tap(self, name: str, tensor: Any) -> None:
        """Hands the tensor of `path#name` to the sink."""
        self._taps.sink.tap(self._take(name), tensor)

    @property
    def replaying(self) -> bool:
        """True when `exchange` may answer with another tensor."""
        return self._taps.replaying

    def exchange(self, name: str, tensor: Any) -> Any:
        """Taps the tensor of `path#name` and returns what to go on with."""
        return self._taps.exchange(self._take(name), tensor)


def tap(module: Any, name: str, tensor: Any) -> None:
    """Taps `tensor` at the functional site `name` of `module`, from its own code; does nothing outside a run."""
    tapper = getattr(module, TAPPER, None)
    if tapper is not None:
        tapper.tap(name, tensor)
