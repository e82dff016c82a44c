"""The files that requests name."""

from __future__ import annotations

import os
from pathlib import Path

from lockstep_engine.errors import bad_input


def check_input_file(path: str, roots: tuple[Path, ...]) -> Path:
    """Returns `path` when it is a regular file, no symlink, inside one of the `roots`. Raises EngineError otherwise."""
    file = Path(os.path.normpath(path))
    # The directory may be reached through a symlink (/tmp is one on some systems), the file itself may not.
    real = Path(os.path.realpath(file.parent)) / file.name
    data = {"expected": f"a regular file inside {' or '.join(map(str, roots))}", "where": path}
    if not any(real.is_relative_to(os.path.realpath(root)) for root in roots):
        raise bad_input("the file lies outside the spool directory", **data)
    if real.is_symlink():
        raise bad_input("the file is a symlink", **data)
    if not real.is_file():
        raise bad_input("there is no such file", **data)
    return real
