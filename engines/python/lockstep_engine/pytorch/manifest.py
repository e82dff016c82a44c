"""What `load` and `shapes` say about a model: its modules, its tensors, which of them are tied."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any
from uuid import uuid4

import torch
from safetensors.torch import save_file
from torch import nn

DTYPE_NAMES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}


def tied_names(model: nn.Module) -> dict[str, str]:
    """State-dict names that share another tensor's storage, with the name of the tensor that is stored."""
    tied = dict(getattr(model, "all_tied_weights_keys", None) or {})
    state = model.state_dict(keep_vars=True)
    tied = {name: source for name, source in tied.items() if name in state and source in state}
    first: dict[int, str] = {}
    for name, tensor in state.items():
        if name not in tied:
            source = first.setdefault(id(tensor), name)
            if source != name:
                tied[name] = source
    return tied


def tensor_manifest(model: nn.Module) -> list[dict[str, Any]]:
    """The `tensors` of a `load` or `shapes` result: name, shape, dtype, tied_to."""
    tied = tied_names(model)
    manifest = []
    for name, tensor in model.state_dict().items():
        entry: dict[str, Any] = {"name": name, "shape": list(tensor.shape), "dtype": DTYPE_NAMES[tensor.dtype]}
        manifest.append({**entry, "tied_to": tied[name]} if name in tied else entry)
    return manifest


def tensor_values(model: nn.Module, params: dict[str, Any], spool: Path) -> dict[str, Any]:
    """The result of a `tensors` request: what the model computes with, under the names of its state dict."""
    state = model.state_dict()
    plain = {name: state[name].detach().cpu().contiguous() for name in params["names"] if name in state}
    checksums = [
        {"name": name, "dtype": DTYPE_NAMES[tensor.dtype], "sha256": _sha256(tensor)} for name, tensor in plain.items()
    ]
    if not params.get("values"):
        return {"checksums": checksums, "file": None}
    file = spool / f"tensors-{uuid4().hex}.safetensors"
    # Two names may share memory, which the format does not.
    save_file({name: tensor.clone() for name, tensor in plain.items()}, file)
    return {"checksums": checksums, "file": str(file)}


def _sha256(tensor: torch.Tensor) -> str:
    # As bytes: numpy has no bfloat16.
    return hashlib.sha256(tensor.reshape(-1).view(torch.uint8).numpy().data).hexdigest()


def module_manifest(model: nn.Module) -> list[dict[str, str]]:
    """The `modules` of a `load` or `shapes` result: path and class name, in registration order."""
    return [{"path": path, "type": type(module).__name__} for path, module in model.named_modules()]
