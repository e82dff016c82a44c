"""A module factory as an engine: only how the model comes to be differs from the reference."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from torch import nn
from transformers import CONFIG_MAPPING

from lockstep_engine.adapter import Notify
from lockstep_engine.checkpoint import read_config
from lockstep_engine.controls import Controls
from lockstep_engine.errors import EngineError, bad_input, unsupported
from lockstep_reference.build import Built, restore_floats
from lockstep_reference.engine import Engine
from lockstep_reference.verify import settle, switch_attention, verify_taps
from lockstep_torch_module.factory import load_function


class TorchModuleEngine(Engine):
    """Serves `factory(checkpoint_dir, config, dtype) -> torch.nn.Module`.

    `config` is the content of config.json. For `shapes` the factory is called under a FakeTensorMode with
    checkpoint_dir None: it then builds the module without reading weights.
    """

    def __init__(self, file: str, name: str) -> None:
        super().__init__()
        self._where = f"{file}:{name}"
        self._file = file
        self._name = name

    def build(self, config: dict[str, Any], seed: int, cache: Path) -> Built:
        """Not offered: the reference draws checkpoints."""
        raise unsupported(
            "this engine draws no checkpoints",
            expected="load.checkpoint",
            found="load.config",
            remedy="Draw the checkpoint with the reference and pass its directory.",
        )

    def load_model(self, directory: Path, dtype: torch.dtype, params: dict[str, Any]) -> nn.Module:
        """The factory's module for a checkpoint directory. Raises EngineError."""
        config = read_config(directory)
        model = self._make(str(directory), config, dtype, params.get("fault")).eval()
        leave_grouped_mm(model)
        try:
            settle(model, config)
            self._verified = verify_taps(model, config)
        except EngineError:
            raise
        except Exception as error:  # noqa: BLE001 - a module that can't run shall show in `run` how far it gets
            print(f"lockstep_torch_module: the module fails on a short text: {error}", file=sys.stderr)
            switch_attention(model)
            self._verified = True  # nothing to compare with: it runs as far as it gets
        return model

    def fake_model(self, config: dict[str, Any], fault: dict[str, str] | None) -> nn.Module:
        """The factory's module for a config alone."""
        # A config that has come over the wire, not out of a file that Python has written.
        known = CONFIG_MAPPING[config["model_type"]] if config.get("model_type") in CONFIG_MAPPING else None
        restored = config if known is None else restore_floats(known, config)
        with mock.patch.object(nn.Module, "_apply", apply_to_fake):
            return self._make(None, restored, torch.float32, fault)

    def run(
        self, params: dict[str, Any], roots: tuple[Path, Path], controls: Controls, notify: Notify
    ) -> dict[str, Any]:
        """As the reference's run, without an oracle."""
        if params["oracle"]:
            raise unsupported("this engine has no oracle", where="run.oracle", remedy="Ask the reference for it.")
        return super().run(params, roots, controls, notify)

    def _make(
        self, directory: str | None, config: dict[str, Any], dtype: torch.dtype, fault: dict[str, str] | None
    ) -> nn.Module:
        factory = load_function(self._file, self._name)
        try:
            model = factory(directory, config, dtype)
        except Exception as error:
            raise bad_input(f"the factory fails: {type(error).__name__}: {error}", where=self._where) from error
        self._check_module(model, self._where)
        if fault is not None:
            # A fault changes the module in place, or returns another one.
            model = load_function(fault["module"], fault["name"])(model) or model
            self._check_module(model, f"{fault['module']}:{fault['name']}")
        return model

    def _check_module(self, model: Any, where: str) -> None:
        if not isinstance(model, nn.Module):
            raise bad_input(
                "the factory returned no module",
                expected="a torch.nn.Module",
                found=type(model).__name__,
                where=where,
            )


def leave_grouped_mm(model: Any) -> None:
    """Sets a transformers model to its eager experts where the grouped kernel, its default, can't run on its weights.

    That kernel wants rows of 16 bytes, which tiny configs do not have.
    """
    config = getattr(model, "config", None)
    if getattr(config, "_experts_implementation", None) != "grouped_mm":
        return
    stacked = [tensor for tensor in model.parameters() if tensor.ndim == 3]  # noqa: PLR2004 - [experts, out, in]
    if any(size * tensor.element_size() % 16 for tensor in stacked for size in tensor.shape[1:]):
        print("lockstep_torch_module: experts run one by one: grouped_mm wants rows of 16 bytes", file=sys.stderr)
        model.set_experts_implementation("eager")


def apply_to_fake(
    module: nn.Module,
    fn: Callable[[torch.Tensor], torch.Tensor],
    recurse: bool = True,
    done: dict[int, nn.Parameter] | None = None,
) -> nn.Module:
    """Replaces `nn.Module._apply` (the work of `.to`, `.float`, ...) while a module is built on fake tensors.

    The original swaps tensors in place, which torch refuses for fake ones. Tied parameters stay tied.
    """
    done = {} if done is None else done
    for child in module.children() if recurse else ():
        apply_to_fake(child, fn, recurse, done)
    for name, parameter in module._parameters.items():
        if parameter is not None:
            if id(parameter) not in done:
                done[id(parameter)] = nn.Parameter(fn(parameter), requires_grad=parameter.requires_grad)
            module._parameters[name] = done[id(parameter)]
    for name, buffer in module._buffers.items():
        if buffer is not None:
            module._buffers[name] = fn(buffer)
    return module
