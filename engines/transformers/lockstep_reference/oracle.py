"""The float64 oracle: the same model with every operation in float64.

`model.double()` is not enough: modeling code asks for float32 itself (`.float()`, `dtype=torch.float32`), and buffers
such as `inv_freq` were computed in float32. `Float64Mode` changes the operations, `rebuild_buffers` the buffers.
Weights stay in their own dtype and are widened when an operation reads them, so no second model is held.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode, resolve_name
from transformers import PreTrainedModel

from lockstep_engine.pytorch.copies import share_copy

_LOW = (torch.float32, torch.bfloat16, torch.float16)
# Compared with ==: every access makes another wrapper object.
_DTYPE = vars(torch._C.TensorBase)["dtype"].__get__
_WIDENING = {torch.Tensor.float, torch.Tensor.half, torch.Tensor.bfloat16}
_WHERE = {torch.where, torch.Tensor.where}
_QUERIES = {torch.Tensor.size, torch.Tensor.dim, torch.Tensor.numel, torch.Tensor.stride, torch.Tensor.data_ptr}
_CASTS_BY_NAME = {"torch.FloatTensor", "torch.HalfTensor", "torch.BFloat16Tensor"}


class Float64Mode(TorchFunctionMode):
    """Runs every operation in float64: widens arguments, explicit dtypes and results of a default dtype."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func == _DTYPE:
            return _wide_dtype(func(*args))
        if func in _QUERIES or getattr(func, "__name__", "") == "__get__":
            return func(*args, **kwargs)
        if func in _WIDENING:
            func, args, kwargs = torch.Tensor.double, args[:1], {}
        if func is nn.functional.embedding:
            # Looked up before widening: the same numbers, without a float64 copy of the whole table.
            return _wide(func(*args, **kwargs))
        if _in_place(func) and args and isinstance(args[0], torch.Tensor) and args[0].dtype in _LOW:
            raise RuntimeError(f"the oracle met an in-place {resolve_name(func)} on a {args[0].dtype} tensor")
        wide_args, wide_kwargs = _wide(args), {name: _wide(value) for name, value in kwargs.items()}
        if func in _WHERE:
            # Of two numbers it would make float32.
            wide_args = tuple(
                torch.tensor(arg, dtype=torch.float64) if type(arg) is float else arg for arg in wide_args
            )
        if func is torch.full and any(type(arg) is float for arg in (*wide_args, *wide_kwargs.values())):
            # Before it is made: the lowest float64 is no float32.
            wide_kwargs = {**wide_kwargs, "dtype": wide_kwargs.get("dtype") or torch.float64}
        result = func(*wide_args, **wide_kwargs)
        if isinstance(result, torch.Tensor) and result.dtype in _LOW:
            result = _again_in_float64(func, wide_args, wide_kwargs)
        return result


def _wide_dtype(dtype: torch.dtype) -> torch.dtype:
    return torch.float64 if dtype in _LOW else dtype


def _wide(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.double() if value.dtype in _LOW else value
    if isinstance(value, torch.dtype):
        return _wide_dtype(value)
    if isinstance(value, str):
        return "torch.DoubleTensor" if value in _CASTS_BY_NAME else value
    if type(value) in (tuple, list):
        return type(value)(_wide(item) for item in value)
    return value


def _in_place(func: Callable[..., Any]) -> bool:
    name = getattr(func, "__name__", "")
    operator = name.startswith("__i") and name not in ("__invert__", "__index__", "__int__")
    return operator or (name.endswith("_") and not name.endswith("__"))


def _again_in_float64(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.Tensor:
    """Repeats an operation that fell back to torch's default dtype: a factory, or arithmetic on integers."""
    tensors = [arg for arg in args if isinstance(arg, torch.Tensor)]
    if tensors:
        return func(*(arg.double() if isinstance(arg, torch.Tensor) else arg for arg in args), **kwargs)
    return func(*args, **{**kwargs, "dtype": torch.float64})


def rebuild_buffers(model: nn.Module) -> None:
    """Replaces the non-persistent floating buffers of `model` by float64 ones, computed in float64.

    They are not stored in checkpoints, so the model's own `_init_weights` makes them; here it runs on a shallow
    clone of each module. A buffer that it leaves alone is widened instead.
    """
    for path, module in list(model.named_modules()):
        names = [
            name
            for name in module._non_persistent_buffers_set
            if (buffer := module._buffers.get(name)) is not None and buffer.is_floating_point()
        ]
        if not names:
            continue
        clone = copy.copy(module)
        clone._parameters = dict(module._parameters) | {
            name: nn.Parameter(torch.empty(parameter.shape, dtype=torch.float64, device="meta"))
            for name, parameter in module._parameters.items()
            if parameter is not None
        }
        clone._buffers = dict(module._buffers) | {
            name: torch.full(buffer.shape, torch.nan, dtype=torch.float64)
            for name, buffer in module._buffers.items()
            if buffer is not None
        }
        initialise = _initialiser(model, path)
        if initialise is not None:
            with Float64Mode(), torch.no_grad():
                initialise(clone)
        # The module is shared with no other model copy, its dict of buffers is its own.
        for name in names:
            own, rebuilt = module.get_buffer(name), clone.get_buffer(name)
            module._buffers[name] = own.double() if rebuilt.isnan().any() else rebuilt


def _initialiser(model: nn.Module, path: str) -> Callable[[nn.Module], None] | None:
    """How transformers initialises the module at `path`: as the innermost model around it does."""
    parts = path.split(".") if path else []
    for length in range(len(parts), -1, -1):
        around = model.get_submodule(".".join(parts[:length]))
        if isinstance(around, PreTrainedModel):
            return around._init_weights
    return getattr(model, "_init_weights", None)


def oracle_copy(model: nn.Module) -> nn.Module:
    """A copy of `model` to be run under `Float64Mode`."""
    oracle = share_copy(model)
    rebuild_buffers(oracle)
    return oracle
