"""Records which module reads which config field, while a model is built and while it runs.

Attribute access on transformers configs is intercepted; who reads, `lockstep_engine.reads` finds out.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.integrations.heterogeneity import configuration_utils as heterogeneity

from lockstep_engine.reads import ReadRecorder, RecordingDict, reading_module

_PATH = "_lockstep_path"
_LAYER = "_lockstep_layer"
# Fields that say how to run or train, not what the model computes.
_INERT = frozenset({"initializer_range", "use_cache", "torch_dtype", "output_router_logits"}) | (
    frozenset(dir(PreTrainedConfig)) - {"tie_word_embeddings"}
)


_active: list[ReadRecorder] = []


@contextmanager
def recording(recorder: ReadRecorder) -> Iterator[None]:
    """Sends config reads of modules to `recorder`, in all threads, until the block ends."""
    _install()
    _active.append(recorder)
    try:
        yield
    finally:
        _active.remove(recorder)


def mark_config(config: PreTrainedConfig, path: str = "") -> None:
    """Writes into `config` and its sub-configs where they stand in the root config."""
    config.__dict__[_PATH] = path
    for name, value in list(config.__dict__.items()):
        if isinstance(value, PreTrainedConfig):
            mark_config(value, f"{path}{name}.")


@functools.cache
def _install() -> None:
    plain_read = PreTrainedConfig.__getattribute__
    plain_make = PreTrainedModel.__init__
    plain_layer = heterogeneity._PerLayerConfigView.__getitem__

    def read(config: PreTrainedConfig, key: str) -> Any:
        value = plain_read(config, key)
        if not _active or key[0] == "_":
            return value
        return _note(config, key, value)

    def layer(view: Any, index: Any) -> Any:
        resolved = plain_layer(view, index)
        if _active and isinstance(resolved, PreTrainedConfig) and resolved is not view._config:
            number = view._config.layer_types.index(index) if isinstance(index, str) else index
            overrides = view._config._heterogeneity_spec.per_layer_overrides.get(number, {})
            resolved.__dict__[_LAYER] = (number, frozenset(overrides))
        return resolved

    @functools.wraps(plain_make)
    def make(model: PreTrainedModel, config: PreTrainedConfig, *args: Any, **kwargs: Any) -> None:
        # The outermost model is made first, so an unmarked config is a root config.
        if _active and _PATH not in config.__dict__:
            mark_config(config)
        plain_make(model, config, *args, **kwargs)

    PreTrainedModel.__init__ = make  # type: ignore[method-assign]
    PreTrainedConfig.__getattribute__ = read  # type: ignore[method-assign]
    heterogeneity._PerLayerConfigView.__getitem__ = layer  # type: ignore[method-assign]


def _note(config: PreTrainedConfig, key: str, value: Any) -> Any:
    own = object.__getattribute__(config, "__dict__")
    key = type(config).attribute_map.get(key, key)
    if _PATH not in own or key not in own or key in _INERT or isinstance(value, PreTrainedConfig):
        return value
    module = reading_module(nn.Module, 2)
    if module is None:
        return value
    number, overrides = own.get(_LAYER, (0, frozenset()))
    field = f"{own[_PATH]}per_layer_config[{number}].{key}" if key in overrides else f"{own[_PATH]}{key}"
    if isinstance(value, dict):
        return RecordingDict(value, functools.partial(_record, module), f"{field}.")
    _record(module, field)
    return value


def _record(module: nn.Module, field: str) -> None:
    for recorder in _active:
        recorder.add(module, field)
