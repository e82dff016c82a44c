"""PyTorch engines that compute the same model in another way: none of them has a bug, each rounds differently."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import transformers
from torch import nn
from torch.nn import functional

Factory = Callable[[str | None, dict[str, Any], torch.dtype], nn.Module]


def _model(checkpoint: str | None, config: dict[str, Any], dtype: torch.dtype, attention: str) -> nn.Module:
    cls = getattr(transformers, config["architectures"][0])
    if checkpoint is None:
        return cls(cls.config_class(**config))
    return cls.from_pretrained(checkpoint, dtype=dtype, attn_implementation=attention, trust_remote_code=False)


def eager(checkpoint: str | None, config: dict[str, Any], dtype: torch.dtype) -> nn.Module:
    """The reference's own model."""
    return _model(checkpoint, config, dtype, "eager")


def sdpa(checkpoint: str | None, config: dict[str, Any], dtype: torch.dtype) -> nn.Module:
    """Attention by `torch.nn.functional.scaled_dot_product_attention`: one kernel, no inner tensors to tap."""
    return _model(checkpoint, config, dtype, "sdpa")


class SplitLinear(nn.Linear):
    """Partial sums over three parts of the inner dimension, added in float32, as split-K kernels do."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """[..., in] -> [..., out]."""
        width = -(-self.in_features // 3)
        parts = zip(
            input.float().split(width, -1),
            self.weight.float().split(width, -1),
            strict=True,
        )
        return _finish(self, sum(functional.linear(part, weight) for part, weight in parts), input)


class SequentialLinear(nn.Linear):
    """One product after the other along the inner dimension, as a plain loop does: the longest chain of roundings."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """[..., in] -> [..., out]."""
        states, weight = input.float(), self.weight.float()
        total = states.new_zeros(*states.shape[:-1], self.out_features)
        for inner in range(self.in_features):
            total = total + states[..., inner : inner + 1] * weight[:, inner]
        return _finish(self, total, input)


class ReversedLinear(nn.Linear):
    """The inner dimension from its end to its beginning."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """[..., in] -> [..., out]."""
        return _finish(
            self,
            functional.linear(input.float().flip(-1), self.weight.float().flip(-1)),
            input,
        )


class WideLinear(nn.Linear):
    """Accumulates in float64 and rounds once."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """[..., in] -> [..., out]."""
        return _finish(self, functional.linear(input.double(), self.weight.double()), input)


class TransposedLinear(nn.Linear):
    """Weights stored as [in, out], so that another kernel of the library runs."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """[..., in] -> [..., out]."""
        product = input.contiguous() @ self.weight.t().contiguous()
        return product if self.bias is None else product + self.bias


class RowLinear(nn.Linear):
    """One token at a time: a matrix-vector product each, whatever the batch."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """[..., in] -> [..., out]."""
        rows = [functional.linear(row, self.weight, self.bias) for row in input.reshape(-1, self.in_features)]
        return torch.stack(rows).reshape(*input.shape[:-1], self.out_features)


def _finish(module: nn.Linear, total: torch.Tensor, input: torch.Tensor) -> torch.Tensor:
    """The sum with its bias, rounded to the dtype of the input once."""
    return (total if module.bias is None else total + module.bias.to(total.dtype)).to(input.dtype)


def _linears(kind: type[nn.Linear]) -> Factory:
    def factory(checkpoint: str | None, config: dict[str, Any], dtype: torch.dtype) -> nn.Module:
        model = eager(checkpoint, config, dtype)
        for module in model.modules():
            if type(module) is nn.Linear:
                module.__class__ = kind
        return model

    return factory


split_k = _linears(SplitLinear)
sequential = _linears(SequentialLinear)
reversed_k = _linears(ReversedLinear)
float64_sums = _linears(WideLinear)
transposed = _linears(TransposedLinear)
row_by_row = _linears(RowLinear)


def two_threads(checkpoint: str | None, config: dict[str, Any], dtype: torch.dtype) -> nn.Module:
    """Sums shared between two threads. Set in each forward: the adapter sets one thread before every run."""
    model = eager(checkpoint, config, dtype)
    model.register_forward_pre_hook(lambda module, args: torch.set_num_threads(2))
    model.register_forward_hook(lambda module, args, output: torch.set_num_threads(1))
    return model
