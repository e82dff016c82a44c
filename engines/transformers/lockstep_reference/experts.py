"""Modules that run many experts."""

from __future__ import annotations

from torch import nn


def inside_experts(model: nn.Module) -> set[str]:
    """Paths inside modules that run many experts: which of them is called for which tokens is the engine's affair.

    transformers swaps the forward of most such modules for other implementations, and its decorator leaves a mark; the
    others are lists or dicts by that name.
    """
    experts = [path for path, module in model.named_modules() if _runs_many(path.rpartition(".")[2], module)]
    return {path for path, _ in model.named_modules() if any(path.startswith(f"{outer}.") for outer in experts)}


def _runs_many(name: str, module: nn.Module) -> bool:
    if hasattr(module, "_is_expert_parallel") or type(module).__name__.endswith("Experts"):
        return True
    return name == "experts" and isinstance(module, (nn.ModuleList, nn.ModuleDict))
