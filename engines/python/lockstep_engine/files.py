"""The files that requests name."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from lockstep_engine.errors import bad_input

# Bytes of the largest inputs file or batch: it is read into memory whole.
LARGEST_FILE = 2**31
_LARGEST_HEADER = 100_000_000


def check_input_file(path: str, roots: tuple[Path, ...]) -> Path:
    """Returns `path` when it is a regular file, no symlink, inside one of the `roots`, and as long as it says.

    Nothing is read of what is no regular file: a pipe would never end. Raises EngineError otherwise.
    """
    file = Path(os.path.normpath(path))
    # The directory may be reached through a symlink (/tmp is one on some systems), the file itself may not.
    real = Path(os.path.realpath(file.parent)) / file.name
    data = {"expected": f"a regular file inside {' or '.join(map(str, roots))}", "where": path}
    if not any(real.is_relative_to(os.path.realpath(root)) for root in roots):
        raise bad_input("the file lies outside the spool directory", **data)
    try:
        found = real.lstat()
    except (OSError, ValueError):
        raise bad_input("there is no such file", **data) from None
    if stat.S_ISLNK(found.st_mode):
        raise bad_input("the file is a symlink", **data)
    if not stat.S_ISREG(found.st_mode):
        raise bad_input("the file is a folder, pipe or device", **data)
    _check_size(real, found.st_size)
    return real


def _check_size(file: Path, size: int) -> None:
    """Raises EngineError for a file that is too large, or whose safetensors header does not fit into it."""
    if size > LARGEST_FILE:
        expected = f"at most {LARGEST_FILE} bytes"
        raise bad_input("the file is too large", expected=expected, found=str(size), where=str(file))
    try:
        with file.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
    except OSError as error:
        raise bad_input(f"the file can't be read: {error.strerror}", where=str(file)) from None
    most = min(_LARGEST_HEADER, size - 8)
    if size < 8 or length > most:
        expected = f"safetensors with a header of at most {max(most, 0)} bytes"
        raise bad_input("the file is no safetensors file", expected=expected, found=str(length), where=str(file))
