"""Whisper as CTranslate2 stores it (unquantised) -> the state dict of transformers' WhisperForConditionalGeneration."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import torch

_DTYPES = ("f4", "i1", "i2", "i4", "f2")
Tensors = dict[str, np.ndarray[Any, Any]]


def read_ctranslate2(path: Path) -> Tensors:
    """All tensors of a model.bin, by name. The layout is that of CTranslate2's `Model::load`."""
    data = path.read_bytes()
    place = 0

    def number(code: str) -> int:
        nonlocal place
        (value,) = struct.unpack_from("<" + code, data, place)
        place += struct.calcsize("<" + code)
        return value

    def text() -> str:
        nonlocal place
        length = number("H")
        place += length
        return data[place - length : place].rstrip(b"\0").decode()

    number("I")  # version of the format
    text()  # name of the model's kind
    number("I")  # its revision
    tensors: Tensors = {}
    for _ in range(number("I")):
        name = text()
        shape = [number("I") for _ in range(number("B"))]
        dtype = np.dtype(_DTYPES[number("B")])
        size = number("I")
        tensors[name] = np.frombuffer(data, dtype, size // dtype.itemsize, place).reshape(shape)
        place += size
    for _ in range(number("I")):
        text(), text()  # aliases
    if place != len(data):
        raise ValueError(f"{path}: {len(data) - place} bytes behind the last tensor")
    return tensors


def whisper_state(tensors: Tensors) -> dict[str, torch.Tensor]:
    """The state dict: fused projections are taken apart, names are those of transformers."""
    state: dict[str, torch.Tensor] = {}

    def read(name: str) -> torch.Tensor:
        return torch.tensor(tensors[name].astype(np.float32))

    def linear(target: str, source: str) -> None:
        for part in ("weight", "bias"):
            if f"{source}/{part}" in tensors:
                state[f"{target}.{part}"] = read(f"{source}/{part}")

    def norm(target: str, source: str) -> None:
        state[f"{target}.weight"], state[f"{target}.bias"] = (
            read(f"{source}/gamma"),
            read(f"{source}/beta"),
        )

    def fused(target: str, source: str, names: str) -> None:
        weights, biases = (read(f"{source}/{part}").chunk(len(names)) for part in ("weight", "bias"))
        for name, weight, bias in zip(names, weights, biases, strict=True):
            state[f"{target}.{name}_proj.weight"] = weight.clone()
            if name != "k":  # keys have no bias
                state[f"{target}.{name}_proj.bias"] = bias.clone()

    for conv in ("conv1", "conv2"):
        linear(f"model.encoder.{conv}", f"encoder/{conv}")
    state["model.decoder.embed_tokens.weight"] = read("decoder/embeddings/weight")
    for side in ("encoder", "decoder"):
        state[f"model.{side}.embed_positions.weight"] = read(f"{side}/position_encodings/encodings")
        norm(f"model.{side}.layer_norm", f"{side}/layer_norm")
        for layer in range(layer_count(tensors, side)):
            target, source = f"model.{side}.layers.{layer}", f"{side}/layer_{layer}"
            fused(f"{target}.self_attn", f"{source}/self_attention/linear_0", "qkv")
            linear(f"{target}.self_attn.out_proj", f"{source}/self_attention/linear_1")
            norm(f"{target}.self_attn_layer_norm", f"{source}/self_attention/layer_norm")
            if side == "decoder":
                linear(f"{target}.encoder_attn.q_proj", f"{source}/attention/linear_0")
                fused(f"{target}.encoder_attn", f"{source}/attention/linear_1", "kv")
                linear(f"{target}.encoder_attn.out_proj", f"{source}/attention/linear_2")
                norm(
                    f"{target}.encoder_attn_layer_norm",
                    f"{source}/attention/layer_norm",
                )
            linear(f"{target}.fc1", f"{source}/ffn/linear_0")
            linear(f"{target}.fc2", f"{source}/ffn/linear_1")
            norm(f"{target}.final_layer_norm", f"{source}/ffn/layer_norm")
    state["proj_out.weight"] = state["model.decoder.embed_tokens.weight"]
    return state


def layer_count(tensors: Tensors, side: str) -> int:
    """Layers of the encoder or of the decoder."""
    return sum(name.startswith(f"{side}/layer_") and name.endswith("/ffn/linear_0/weight") for name in tensors)
