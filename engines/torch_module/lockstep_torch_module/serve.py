"""The command line of a module factory, and what `hello` says about it."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from lockstep_engine.serve import Identity, serve
from lockstep_engine.wire import Channel
from lockstep_torch_module.depends import depends_of

if TYPE_CHECKING:
    from lockstep_torch_module.engine import TorchModuleEngine

_USAGE = "usage: python -m lockstep_torch_module path/to/file.py:factory"


def serve_factory(channel: Channel) -> None:
    """Serves the factory that the command line names until stdin closes; exits with 2 when it names none."""
    if len(sys.argv) != 2 or ":" not in sys.argv[1]:
        print(_USAGE, file=sys.stderr)
        raise SystemExit(2)
    file, _, name = sys.argv[1].rpartition(":")

    def adapter() -> TorchModuleEngine:
        from lockstep_torch_module.engine import TorchModuleEngine

        return TorchModuleEngine(file, name)

    capabilities = {
        "dtypes": ["float32", "bfloat16", "float16"],
        "shapes": True,
        "cache": True,
        "fork": True,
        "build": False,
        "oracle": False,
        "replay": False,
        "tensors": True,
    }
    libraries = ("transformers", "torch")
    depends = depends_of(Path(file))
    identity = Identity(f"torch_module {name}", version("torch"), capabilities, adapter, libraries, depends=depends)
    serve(channel, identity)
