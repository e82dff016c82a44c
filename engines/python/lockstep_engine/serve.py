"""The server: answers requests in order, runs in threads of their own, reads credits all the while.

Imports only the standard library; the adapter with its framework is imported in the background, so that `hello` is
answered at once.
"""

from __future__ import annotations

import os
import platform
import queue
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from lockstep_engine.adapter import Adapter
from lockstep_engine.controls import Controls, Credits
from lockstep_engine.errors import ENVIRONMENT, INVALID_REQUEST, METHOD_NOT_FOUND, UNSUPPORTED, EngineError, bad_input
from lockstep_engine.params import METHODS, NOTIFICATIONS, check_params
from lockstep_engine.wire import Channel, parse_message

PROTOCOL = 1
# Answered by the adapter's method of the same name.
_OF_PARAMS_ALONE = ("power", "tokenize", "generate", "outline")
_WITH_SPOOL = ("explain", "tensors")


@dataclass(frozen=True)
class Identity:
    """What `hello` says about the engine. `adapter` imports the heavy part and makes it.

    The versions of the installed packages in `libraries` are named, and what `versions` adds. `depends` names what else
    the engine's results depend on (docs/protocol.md); None where it can't tell.
    """

    name: str
    version: str
    capabilities: dict[str, Any]
    adapter: Callable[[], Adapter]
    libraries: tuple[str, ...] = ()
    versions: dict[str, str] = field(default_factory=dict)
    depends: dict[str, Any] | None = None


def serve(channel: Channel, identity: Identity) -> None:
    """Serves `identity` until stdin closes or `shutdown`."""
    # One thread for the framework: two runs share the machine with the harness, and sums keep their order.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    Server(channel, identity).run()


class Server:
    """Dispatches messages. One worker thread answers requests in order; each `run` gets a thread."""

    def __init__(self, channel: Channel, identity: Identity) -> None:
        self._channel = channel
        self._identity = identity
        self._requests: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._runs: dict[str, threading.Thread] = {}
        self._controls: dict[str, Controls] = {}
        self._roots: tuple[Path, Path] | None = None
        self._adapter: Adapter | None = None
        self._import_error: BaseException | None = None
        self._imported = threading.Thread(target=self._import, daemon=True)

    def run(self) -> None:
        """Reads messages until stdin closes; then the process ends, whatever still runs."""
        self._imported.start()
        threading.Thread(target=self._work, daemon=True).start()
        for line in self._channel.lines():
            self._receive(line)
        sys.stderr.flush()
        os._exit(0)

    def _import(self) -> None:
        try:
            self._adapter = self._identity.adapter()
        except BaseException as error:  # noqa: BLE001 - reported by the first request that needs the engine
            self._import_error = error
            traceback.print_exc()

    def _receive(self, line: bytes) -> None:
        request: Any = None
        try:
            message = parse_message(line)
            request = message.get("id")
            method, params = message["method"], message.get("params", {})
            if method not in METHODS:
                expected = ", ".join(METHODS)
                raise EngineError(METHOD_NOT_FOUND, f"unknown method {method}", expected=expected, found=method)
            if (method in NOTIFICATIONS) != (request is None):
                kind = "a notification, without id" if method in NOTIFICATIONS else "a request, with id"
                raise EngineError(INVALID_REQUEST, f"{method} is {kind}", expected=kind)
            params = check_params(method, params)
            if method in NOTIFICATIONS:
                self._steer(method, params)
            elif method == "hello":
                self._channel.send({"id": request, "result": self._hello(params)})
            else:
                if method == "run":
                    self._announce(params)
                self._requests.put({"id": request, "method": method, "params": params})
        except EngineError as error:
            self._channel.fail(request, error)

    def _hello(self, params: dict[str, Any]) -> dict[str, Any]:
        if params["protocol"] != PROTOCOL:
            raise EngineError(
                UNSUPPORTED,
                "the harness speaks another protocol version",
                expected=str(PROTOCOL),
                found=str(params["protocol"]),
                remedy="Install the harness and the engine from one release.",
            )
        spool, cache = Path(params["spool"]), Path(params["cache"])
        if not spool.is_dir():
            raise bad_input("the spool directory does not exist", expected="a directory", where=str(spool))
        self._roots = (spool, cache)
        libraries = {name: version(name) for name in self._identity.libraries}
        return {
            "protocol": PROTOCOL,
            "name": self._identity.name,
            "version": self._identity.version,
            "versions": {**libraries, "python": platform.python_version(), **self._identity.versions},
            "capabilities": self._identity.capabilities,
            **({} if self._identity.depends is None else {"depends": self._identity.depends}),
        }

    def _announce(self, params: dict[str, Any]) -> None:
        # Credits may arrive before the run starts, so they are collected from the moment the request is read.
        if params["run"] in self._controls:
            raise bad_input("a run of this name is under way", found=params["run"], where="run.run")
        self._controls[params["run"]] = Controls(Credits(params["credits"]))

    def _steer(self, method: str, params: dict[str, Any]) -> None:
        controls = self._controls.get(params["run"])
        if controls is not None:
            controls.steer(method, params)

    def _work(self) -> None:
        while (request := self._requests.get()) is not None:
            try:
                adapter = self._ready()
                if request["method"] == "run":
                    self._start(adapter, request)
                    continue
                # Loading may change process-wide state (the default dtype of torch), so runs end first.
                for thread in list(self._runs.values()):
                    thread.join()
                self._answer(request, lambda request=request, adapter=adapter: self._call(adapter, request))
            except EngineError as error:
                self._channel.fail(request["id"], error)

    def _ready(self) -> Adapter:
        if self._roots is None:
            raise bad_input("hello must come first", remedy="Send hello with the spool and cache directories.")
        self._imported.join()
        if self._adapter is None:
            # Again: the harness shows what was written since it asked.
            traceback.print_exception(self._import_error)
            raise EngineError(ENVIRONMENT, f"the engine can't be imported: {self._import_error!r}")
        return self._adapter

    def _call(self, adapter: Adapter, request: dict[str, Any]) -> dict[str, Any]:
        spool, cache = self._roots or (Path(), Path())
        method, params = request["method"], request["params"]
        if method == "load":
            return adapter.load(params, cache)
        if method == "shapes":
            return adapter.shapes(params, (spool, cache))
        if method in _WITH_SPOOL:
            return getattr(adapter, method)(params, spool)
        if method in _OF_PARAMS_ALONE:
            return getattr(adapter, method)(params)
        if method == "config_reads":
            return adapter.config_reads()
        if method == "unload":
            adapter.unload()
        else:
            self._channel.send({"id": request["id"], "result": {}})
            os._exit(0)
        return {}

    def _start(self, adapter: Adapter, request: dict[str, Any]) -> None:
        name = request["params"]["run"]

        def body() -> dict[str, Any]:
            try:
                return adapter.run(
                    request["params"], self._roots or (Path(), Path()), self._controls[name], self._channel.notify
                )
            finally:
                # Before the answer: the harness may use the name again as soon as it has read it.
                self._controls.pop(name, None)
                self._runs.pop(name, None)

        thread = threading.Thread(target=self._answer, args=(request, body), daemon=True)
        self._runs[name] = thread
        thread.start()

    def _answer(self, request: dict[str, Any], body: Callable[[], dict[str, Any]]) -> None:
        try:
            self._channel.send({"id": request["id"], "result": body()})
        except EngineError as error:
            self._channel.fail(request["id"], error)
        except Exception as error:  # noqa: BLE001 - whatever goes wrong must reach the harness as an error
            traceback.print_exc()
            where = traceback.extract_tb(error.__traceback__)[-1]
            found = f"{type(error).__name__}: {error}"
            location = f"{Path(where.filename).name}:{where.lineno} in {where.name}"
            self._channel.fail(request["id"], EngineError(-32603, found, found=found, where=location))
