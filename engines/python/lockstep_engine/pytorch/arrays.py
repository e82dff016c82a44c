"""Tensors of PyTorch, as the spool wants them."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path

import torch
from safetensors.torch import save_file


class TorchArrays:
    """Copies tensors; two views of the same memory, unchanged in between, are one tensor."""

    def key(self, tensor: torch.Tensor) -> Hashable | None:
        """Address, layout and version; None for tensors without elements, which all have the same address."""
        if tensor.numel() == 0:
            return None
        return (tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype, tensor._version)

    def copy(self, tensor: torch.Tensor) -> torch.Tensor:
        """A contiguous copy; complex numbers get a last axis of two."""
        plain = torch.view_as_real(tensor.detach()) if tensor.is_complex() else tensor.detach()
        return plain.clone(memory_format=torch.contiguous_format)

    def save(self, tensors: dict[str, torch.Tensor], file: Path) -> None:
        """Writes a safetensors file."""
        save_file(tensors, file)
