"""Tensors of any framework that numpy can read, as the spool wants them."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file


class NumpyArrays:
    """Copies arrays through `convert`; each tap is a copy of its own, because numpy can't tell whether one changed."""

    def __init__(self, convert: Callable[[Any], np.ndarray] = np.asarray) -> None:
        self._convert = convert

    def key(self, tensor: Any) -> Hashable | None:  # noqa: ARG002 - asked of every framework
        """Never the same."""
        return None

    def copy(self, tensor: Any) -> np.ndarray:
        """A contiguous copy."""
        return np.array(self._convert(tensor), order="C", copy=True)

    def save(self, tensors: dict[str, np.ndarray], file: Path) -> None:
        """Writes a safetensors file."""
        save_file(tensors, file)


class FrozenArrays(NumpyArrays):
    """Arrays that never change, as those of JAX and MLX: one object is one tensor."""

    def key(self, tensor: Any) -> Hashable | None:
        """The object itself."""
        return id(tensor)
