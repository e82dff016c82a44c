"""A drawn checkpoint in the cache: sealed with a checksum for each tensor, and checked whenever it is taken.

Anybody may have written there since: another program, a full disk, the engine under test.
"""

from __future__ import annotations

import hashlib
import json
import mmap
from pathlib import Path
from typing import Any

CONFIG, WEIGHTS, CHECKSUMS = "config.json", "model.safetensors", "checksums"


def seal(directory: Path) -> None:
    """Writes the checksums of a new checkpoint beside it and makes all its files read-only."""
    sums = {"config": _config_sum(directory), "tensors": tensor_sums(directory / WEIGHTS)}
    (directory / CHECKSUMS).write_text(json.dumps(sums, indent=1) + "\n", encoding="utf-8")
    for name in (CONFIG, WEIGHTS, CHECKSUMS):
        (directory / name).chmod(0o444)


def damage(directory: Path, config: dict[str, Any]) -> str | None:
    """What is not as it was drawn for `config`, in one phrase; None where all is."""
    try:
        found = sorted(path.name for path in directory.iterdir())
        if CHECKSUMS not in found:
            return "it has no checksums"
        if found != sorted((CONFIG, WEIGHTS, CHECKSUMS)):
            return f"it holds {', '.join(found)}"
        sums = json.loads((directory / CHECKSUMS).read_text(encoding="utf-8"))
        stored = json.loads((directory / CONFIG).read_text(encoding="utf-8"))
        if stored != config or sums["config"] != _config_sum(directory):
            return "its config.json was changed"
        tensors = tensor_sums(directory / WEIGHTS)
        wrong = [name for name in {**sums["tensors"], **tensors} if sums["tensors"].get(name) != tensors.get(name)]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return f"it can't be read: {type(error).__name__}"
    return f"{len(wrong)} tensors were changed, {min(wrong)} among them" if wrong else None


def tensor_sums(file: Path) -> dict[str, str]:
    """SHA-256 of each tensor of a safetensors file: dtype, NUL, shape, NUL, the bytes. Raises ValueError."""
    with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        start = 8 + int.from_bytes(content[:8], "little")
        header = json.loads(content[8:start])
        sums: dict[str, str] = {}
        with memoryview(content) as bytes_:
            for name, entry in header.items():
                if name == "__metadata__":
                    continue
                begin, end = entry["data_offsets"]
                digest = hashlib.sha256(f"{entry['dtype']}\0{entry['shape']}\0".encode())
                with bytes_[start + begin : start + end] as data:
                    if len(data) != end - begin:
                        raise ValueError("the file ends early")
                    digest.update(data)
                sums[name] = digest.hexdigest()
    return sums


def _config_sum(directory: Path) -> str:
    return hashlib.sha256((directory / CONFIG).read_bytes()).hexdigest()
