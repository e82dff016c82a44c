"""Healthy PyTorch engines of the corpus: the unchanged model, on other kernels, in another order of sums."""

from __future__ import annotations

from typing import Any

import torch
import transformers
from torch import nn
from torch.nn import functional


def eager(directory: str, config: dict[str, Any], dtype: torch.dtype) -> nn.Module:
    """The unchanged model."""
    return _load(directory, config, dtype, "eager")


def sdpa(directory: str, config: dict[str, Any], dtype: torch.dtype) -> nn.Module:
    """The unchanged model on another attention kernel; a model that has none keeps its own."""
    try:
        return _load(directory, config, dtype, "sdpa")
    except ValueError:
        return _load(directory, config, dtype, "eager")


class SplitLinear(nn.Linear):
    """The inner dimension in three parts, the last one first."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """[..., in] -> [..., out]."""
        width = -(-self.in_features // 3)
        parts = zip(
            input.float().split(width, -1),
            self.weight.float().split(width, -1),
            strict=True,
        )
        total = sum(
            reversed([functional.linear(part, weight) for part, weight in parts])
        )
        return (total if self.bias is None else total + self.bias.float()).to(
            input.dtype
        )


def split_sums(directory: str, config: dict[str, Any], dtype: torch.dtype) -> nn.Module:
    """The unchanged model with another order of sums in every projection."""
    model = eager(directory, config, dtype)
    for module in model.modules():
        if type(module) is nn.Linear:
            module.__class__ = SplitLinear
    return model


def default_call(
    directory: str, config: dict[str, Any], dtype: torch.dtype
) -> nn.Module:
    """The unchanged model, called as its users do: no positions."""
    model = eager(directory, config, dtype)
    cls = type(model)

    class Plain(cls):
        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> Any:
            return super().forward(input_ids=input_ids, attention_mask=attention_mask)

    Plain.__module__, Plain.__name__ = cls.__module__, cls.__name__
    model.__class__ = Plain
    return model


def positions_from_zero(
    directory: str, config: dict[str, Any], dtype: torch.dtype
) -> nn.Module:
    """A broken port: positions that start at 0, whatever the model counts from."""
    model = default_call(directory, config, dtype)
    embeddings = next(
        module for module in model.modules() if hasattr(module, "position_embeddings")
    )

    def from_zero(module: nn.Module, args: tuple[Any, ...]) -> tuple[torch.Tensor]:
        length = args[0].shape[-1]
        return (torch.arange(length).expand(args[0].shape),)

    embeddings.position_embeddings.register_forward_pre_hook(from_zero)
    return model


def positions_for_each(
    directory: str, config: dict[str, Any], dtype: torch.dtype
) -> nn.Module:
    """The unchanged model with a row of positions for each sequence of the batch, where it has one for all."""
    model = default_call(directory, config, dtype)
    embeddings = next(
        module for module in model.modules() if hasattr(module, "position_embeddings")
    )
    rows: list[int] = []
    embeddings.word_embeddings.register_forward_pre_hook(
        lambda module, args: rows.append(len(args[0]))
    )
    embeddings.position_embeddings.register_forward_pre_hook(
        lambda module, args: (args[0].expand(rows[-1], -1),)
    )
    return model


def log_frequencies(
    directory: str, config: dict[str, Any], dtype: torch.dtype
) -> nn.Module:
    """The unchanged model with rotary frequencies made by the exponential of a logarithm, in float32."""
    model = eager(directory, config, dtype)
    for module in model.modules():
        for name, buffer in module.named_buffers(recurse=False):
            if name.endswith("inv_freq") and buffer.dtype == torch.float32:
                base = torch.tensor(float(buffer[0] / buffer[1]), dtype=torch.float32)
                places = torch.arange(len(buffer), dtype=torch.float32)
                buffer.copy_(buffer[0] * torch.exp(-places * torch.log(base)))
    return model


def _load(
    directory: str, config: dict[str, Any], dtype: torch.dtype, attention: str
) -> nn.Module:
    cls = getattr(transformers, config["architectures"][0])
    return cls.from_pretrained(
        directory,
        dtype=dtype,
        attn_implementation=attention,
        experts_implementation="eager",
        trust_remote_code=False,
    )
