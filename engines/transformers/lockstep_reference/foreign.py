"""What a checkpoint brings along is data: nothing of it is run, and no message advises to."""

from __future__ import annotations

from pathlib import Path

from lockstep_engine.errors import EngineError, bad_input, unsupported


def unloadable(what: str, directory: Path, error: Exception) -> EngineError:
    """The refusal of a tokenizer, config or model that transformers can't load.

    transformers advises to let the checkpoint's own code run; that advice is not handed on.
    """
    if "remote_code" in str(error) or "custom code" in str(error):
        return unsupported(
            f"the checkpoint's {what} is code of its own, which is not run",
            expected=f"a {what} that transformers has itself",
            where=str(directory),
        )
    return bad_input(f"transformers can't load the {what}: {error}", where=str(directory))
