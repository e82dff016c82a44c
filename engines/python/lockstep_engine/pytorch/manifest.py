"""What `load` and `shapes` say about a model: its modules, its tensors, which of them are tied."""

from __future__ import annotations

from typing import Any

import torch
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


def module_manifest(model: nn.Module) -> list[dict[str, str]]:
    """The `modules` of a `load` or `shapes` result: path and class name, in registration order."""
    return [{"path": path, "type": type(module).__name__} for path, module in model.named_modules()]
