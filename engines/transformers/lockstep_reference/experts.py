"""Modules that run many experts."""

from __future__ import annotations

from torch import nn


def inside_experts(model: nn.Module) -> set[str]:
    """Paths inside modules that run many experts: which of them is called for which tokens is the engine's affair.

    transformers swaps the forward of such modules for other implementations; its decorator leaves a mark.
    """
    experts = [path for path, module in model.named_modules() if hasattr(module, "_is_expert_parallel")]
    return {path for path, _ in model.named_modules() if any(path.startswith(f"{outer}.") for outer in experts)}
