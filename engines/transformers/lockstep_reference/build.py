"""From a config to a checkpoint: instantiates the architecture and redraws every stored tensor from a seed."""

from __future__ import annotations

import copy
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
import types
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors.torch import save_file
from transformers import CONFIG_MAPPING, PreTrainedConfig, PreTrainedModel
from transformers.core_model_loading import revert_weight_conversion

from lockstep_engine.draw import GENERATOR_VERSION, draw_parameter
from lockstep_engine.errors import bad_input, unsupported
from lockstep_engine.pytorch.manifest import tied_names
from lockstep_reference.cached import damage, seal

# Age at which a half-built checkpoint is locked by whoever builds it.
_SETTLE_SECONDS = 60


def architecture_class(config: dict[str, Any]) -> type[PreTrainedModel]:
    """The transformers class that `config["architectures"][0]` names. Raises EngineError (-32001, -32002)."""
    names = config.get("architectures")
    if not isinstance(names, list) or not names or not isinstance(names[0], str):
        raise bad_input(
            "the config does not name its architecture",
            expected='"architectures": ["<class of transformers>"]',
            found=json.dumps(names),
            where="config.architectures",
        )
    cls = getattr(transformers, names[0], None)
    if not (isinstance(cls, type) and issubclass(cls, PreTrainedModel)):
        raise unsupported(
            f"transformers {transformers.__version__} has no architecture {names[0]}",
            expected="a model class of transformers",
            found=names[0],
            where="config.architectures",
            remedy="Check the spelling, or pin a version of transformers that has it.",
        )
    return cls


def restore_floats(cls: type[PreTrainedConfig], values: dict[str, Any]) -> dict[str, Any]:
    """A copy of a config in which whole numbers are floats again where the class wants a float.

    JSON writers outside Python print 30.0 as 30, and strict config classes refuse an int there.
    """
    hints: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        hints |= vars(base).get("__annotations__", {})
    parts = {**getattr(cls, "sub_configs_defaults", {}), **getattr(cls, "sub_configs", {})}
    restored: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict) and value.get("model_type") in CONFIG_MAPPING:
            restored[name] = restore_floats(CONFIG_MAPPING[value["model_type"]], value)
        elif isinstance(value, dict) and isinstance(parts.get(name), type) and parts[name] is not PreTrainedConfig:
            restored[name] = restore_floats(parts[name], value)
        else:
            restored[name] = _as_hinted(hints.get(name), value)
    return restored


def _as_hinted(hint: Any, value: Any) -> Any:
    """`value` with floats where `hint` wants them and no int, in lists and dicts too."""
    kinds = (hint, *typing.get_args(hint)) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    if type(value) is int:
        return float(value) if float in kinds and int not in kinds else value
    inner = [typing.get_args(kind) for kind in kinds if typing.get_origin(kind) in (list, tuple, dict)]
    if isinstance(value, list) and inner:
        return [_as_hinted(typing.Union[*dict.fromkeys(kind for one in inner for kind in one)], item) for item in value]
    if isinstance(value, dict) and inner:
        of_values = typing.Union[*dict.fromkeys(one[-1] for one in inner)]
        return {key: _as_hinted(of_values, item) for key, item in value.items()}
    return copy.deepcopy(value)


def config_object(config: dict[str, Any]) -> PreTrainedConfig:
    """The transformers config for a config.json's content. Raises EngineError naming what transformers refuses."""
    model_type = config.get("model_type")
    if not isinstance(model_type, str) or model_type not in CONFIG_MAPPING:
        raise unsupported(
            f"transformers {transformers.__version__} has no model type {model_type!r}",
            expected="a model type of transformers",
            found=json.dumps(model_type),
            where="config.model_type",
        )
    try:
        return CONFIG_MAPPING[model_type].from_dict(restore_floats(CONFIG_MAPPING[model_type], config))
    except Exception as error:  # noqa: BLE001 - config classes raise whatever their validation meets
        raise bad_input(f"transformers refuses the config: {error}", where=f"config of {model_type}") from error


@dataclass(frozen=True)
class Built:
    """A drawn checkpoint, and why it was drawn again where one was in the cache."""

    directory: Path
    redrawn: str | None = None


def build_checkpoint(config: dict[str, Any], seed: int, cache: Path) -> Built:
    """Draws a checkpoint (float32) for `config` and `seed`, or finds it in the cache, checked against its checksums.

    The directory is named by a hash of config, seed and generator version and appears complete or not at all.
    """
    model_type = config.get("model_type")
    if isinstance(model_type, str) and model_type in CONFIG_MAPPING:
        # Written as Python would have: an engine that reads config.json meets the same strict classes.
        config = restore_floats(CONFIG_MAPPING[model_type], config)
    identity = json.dumps([config, seed, GENERATOR_VERSION], sort_keys=True, separators=(",", ":"))
    target = cache / "checkpoints" / hashlib.sha256(identity.encode()).hexdigest()[:24]
    redrawn = damage(target, config) if target.exists() else None
    if target.exists() and redrawn is None:
        return Built(target)
    tensors = draw_tensors(instantiate(config), seed)
    target.parent.mkdir(parents=True, exist_ok=True)
    _sweep(target.parent)
    temporary = Path(tempfile.mkdtemp(prefix=".build-", dir=target.parent))
    # Held as long as this process lives: by it others know that the folder is in use.
    lock = os.open(temporary, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        (temporary / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        save_file(tensors, temporary / "model.safetensors", metadata={"format": "pt"})
        seal(temporary)
        if redrawn is not None:
            os.rename(target, temporary.with_name(f"{temporary.name}-damaged"))
        os.rename(temporary, target)
    except OSError:
        # Another process was faster; its checkpoint is the same, bit for bit.
        if not target.exists() or damage(target, config) is not None:
            raise
    finally:
        os.close(lock)
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(temporary.with_name(f"{temporary.name}-damaged"), ignore_errors=True)
    return Built(target, redrawn)


def _sweep(folder: Path) -> None:
    """Removes what processes that were killed have left half built."""
    for left in folder.glob(".build-*"):
        try:
            # One that is younger may not be locked yet.
            if left.stat().st_uid != os.getuid() or time.time() - left.stat().st_mtime < _SETTLE_SECONDS:
                continue
            handle = os.open(left, os.O_RDONLY | os.O_DIRECTORY)
        except OSError:
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left, ignore_errors=True)
        except OSError:
            pass
        finally:
            os.close(handle)


def instantiate(config: dict[str, Any], experts: str = "eager") -> PreTrainedModel:
    """The architecture of `config` with whatever weights its constructor leaves. Raises EngineError.

    `experts` is the implementation of mixture-of-experts layers; only the eager one runs in every dtype.
    """
    cls = architecture_class(config)
    resolved = config_object(config)
    try:
        return cls._from_config(resolved, attn_implementation="eager", experts_implementation=experts)
    except Exception as error:  # noqa: BLE001 - modeling code raises whatever a bad config leads it to
        raise bad_input(
            f"{cls.__name__} can't be built from the config: {type(error).__name__}: {error}", where="config"
        ) from error


def draw_tensors(model: PreTrainedModel, seed: int) -> dict[str, torch.Tensor]:
    """Every tensor that a checkpoint of `model` stores, by the name under which it is stored.

    Floating-point tensors are drawn; others (such as an int64 `position_ids`) keep the constructor's values.
    """
    tied = tied_names(model)
    state = {name: tensor for name, tensor in model.state_dict().items() if name not in tied}
    stored = revert_weight_conversion(model, state)
    drawn: dict[str, torch.Tensor] = {}
    for name, tensor in stored.items():
        if tensor.is_floating_point():
            drawn[name] = torch.from_numpy(draw_parameter(seed, name, tuple(tensor.shape)))
        else:
            drawn[name] = tensor.detach().clone().contiguous()
    return drawn
