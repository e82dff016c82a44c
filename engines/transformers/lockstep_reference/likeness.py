"""What a module is like: the norms, MLPs and tables that models share, told from each other by what they compute."""

from __future__ import annotations

import torch
from torch import nn

_WIDTH_LIMIT = 4096


def likeness(module: nn.Module, path: str, model: nn.Module) -> str:
    """What it is like: the places, norms and layers that the harness knows (`outline.ts`), or `module`."""
    if path == "":
        return "root"
    if path == getattr(model, "base_model_prefix", None):
        return "model"
    if hasattr(module, "inv_freq") and not list(module.parameters()):
        return "rotary"
    if isinstance(module, (nn.Linear, nn.Embedding)):
        return "linear" if isinstance(module, nn.Linear) else "embedding"
    children = dict(module.named_children())
    if not children and [name for name, _ in module.named_parameters()] == ["weight"]:
        return _norm(module) or "module"
    if {"gate_proj", "up_proj", "down_proj"} <= set(children) and _is_gated_mlp(module, children):
        return "gated_mlp"
    if type(module).__name__.endswith("Attention") and hasattr(module, "head_dim"):
        return "attention"
    return "module"


def _norm(module: nn.Module) -> str | None:
    """Which RMS norm it is: bfloat16 tells a product that is rounded once from one that is rounded twice."""
    weight = next(module.parameters())
    if weight.ndim != 1 or weight.numel() > _WIDTH_LIMIT:
        return None
    generator = torch.Generator().manual_seed(0)
    kept = weight.detach().clone()
    eps = float(getattr(module, "eps", getattr(module, "variance_epsilon", 1e-6)))
    x = torch.randn(64, weight.numel(), generator=generator).bfloat16()
    try:
        with torch.no_grad():
            module.to(torch.bfloat16)
            drawn = (torch.rand(weight.shape, generator=generator) + 0.5).bfloat16()
            next(module.parameters()).copy_(drawn)
            found = module(x)
            normed = x.float() * torch.rsqrt(x.float().pow(2).mean(-1, keepdim=True) + eps)
            kinds = {
                "rms_norm": (normed * drawn.float()).bfloat16(),
                "rounded_rms_norm": drawn * normed.bfloat16(),
                "one_plus_rms_norm": (normed * (1.0 + drawn.float())).bfloat16(),
            }
            return next((kind for kind, wanted in kinds.items() if torch.equal(found, wanted)), None)
    except Exception:  # noqa: BLE001 - what can't be called with one tensor is no norm
        return None
    finally:
        with torch.no_grad():
            module.to(kept.dtype)
            next(module.parameters()).copy_(kept)


def _is_gated_mlp(module: nn.Module, children: dict[str, nn.Module]) -> bool:
    gate, up, down = (children[name] for name in ("gate_proj", "up_proj", "down_proj"))
    if not isinstance(gate, nn.Linear) or set(children) - {"gate_proj", "up_proj", "down_proj", "act_fn"}:
        return False
    act = getattr(module, "act_fn", None)
    if act is None:
        return False
    x = torch.randn(3, gate.in_features, generator=torch.Generator().manual_seed(0))
    try:
        with torch.no_grad():
            return torch.equal(module(x), down(act(gate(x)) * up(x)))
    except Exception:  # noqa: BLE001 - then it is something else
        return False
