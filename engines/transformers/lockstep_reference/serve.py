"""What `hello` says about the reference. Its engine, with torch and transformers, is imported in the background."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

from lockstep_engine.serve import Identity, serve
from lockstep_engine.wire import Channel

if TYPE_CHECKING:
    from lockstep_reference.engine import Engine


def serve_reference(channel: Channel) -> None:
    """Serves the transformers reference until stdin closes."""
    from lockstep_engine.draw import GENERATOR_VERSION

    def adapter() -> Engine:
        from lockstep_reference.engine import Engine

        return Engine()

    capabilities = {
        "dtypes": ["float32", "bfloat16", "float16"],
        "shapes": True,
        "cache": True,
        "fork": True,
        "build": True,
        "oracle": True,
        "replay": True,
        "explain": True,
        "text": True,
        "tensors": True,
    }
    identity = Identity(
        "transformers",
        version("transformers"),
        capabilities,
        adapter,
        libraries=("transformers", "torch"),
        versions={"lockstep_reference generator": str(GENERATOR_VERSION)},
    )
    serve(channel, identity)
