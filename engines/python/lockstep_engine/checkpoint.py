"""Reading a checkpoint directory: its config, its files, the checksum of its tensors."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from lockstep_engine.errors import bad_input

_READ_BYTES = 16 * 1024 * 1024


def read_config(directory: Path) -> dict[str, Any]:
    """The content of `config.json`. Raises EngineError when there is none or it is no JSON object."""
    file = directory / "config.json"
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        message = "the checkpoint has no config.json"
        raise bad_input(message, expected="a checkpoint directory", where=str(file)) from None
    except ValueError as error:
        raise bad_input(f"config.json is not JSON: {error}", where=str(file)) from None
    if not isinstance(config, dict):
        raise bad_input("config.json is not an object", found=type(config).__name__, where=str(file))
    return config


def weight_files(directory: Path) -> list[Path]:
    """`model.safetensors`, or the shards that `model.safetensors.index.json` names. Raises EngineError."""
    if (directory / "model.safetensors").is_file():
        return [directory / "model.safetensors"]
    index = directory / "model.safetensors.index.json"
    if not index.is_file():
        raise bad_input(
            "the checkpoint has no safetensors weights",
            expected="model.safetensors or model.safetensors.index.json",
            where=str(directory),
        )
    shards = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    for shard in shards:
        if not isinstance(shard, str) or Path(shard).name != shard:
            raise bad_input("a shard does not lie beside its index", expected="a file's name", found=str(shard))
    return [directory / shard for shard in shards]


def weights_sha256(files: list[Path]) -> str:
    """SHA-256 over all stored tensors in order of name: name, NUL, dtype, NUL, shape as `2,3`, NUL, the bytes."""
    tensors: dict[str, tuple[Path, str, list[int], int, int]] = {}
    for file in files:
        with file.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            header = json.loads(stream.read(length))
        for name, entry in header.items():
            if name != "__metadata__":
                start, end = entry["data_offsets"]
                tensors[name] = (file, entry["dtype"], entry["shape"], 8 + length + start, end - start)
    digest = hashlib.sha256()
    for name in sorted(tensors):
        file, dtype, shape, start, remaining = tensors[name]
        digest.update(f"{name}\0{dtype}\0{','.join(map(str, shape))}\0".encode())
        with file.open("rb") as stream:
            stream.seek(start)
            while remaining > 0:
                block = stream.read(min(remaining, _READ_BYTES))
                if not block:
                    raise bad_input("the weights end early", where=f"{file}, tensor {name}")
                digest.update(block)
                remaining -= len(block)
    return digest.hexdigest()
