"""Records which module reads which config field, while a model is built and while it runs.

Attribute access on transformers configs is intercepted; the reading module is the innermost `self` on the Python
stack that is an nn.Module. That works in constructors too, where a module does not know its path yet: paths are
looked up when the reads are listed.
"""

from __future__ import annotations

import functools
import sys
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.integrations.heterogeneity import configuration_utils as heterogeneity

_PATH = "_lockstep_path"
_LAYER = "_lockstep_layer"
# Fields that say how to run or train, not what the model computes.
_INERT = frozenset({"initializer_range", "use_cache", "torch_dtype", "output_router_logits"}) | (
    frozenset(dir(PreTrainedConfig)) - {"tie_word_embeddings"}
)


class ReadRecorder:
    """The reads since it was made, as (module, field), in order of the first read."""

    def __init__(self) -> None:
        self._reads: dict[tuple[int, str], weakref.ref[nn.Module]] = {}
        self._paths: weakref.WeakKeyDictionary[nn.Module, str] = weakref.WeakKeyDictionary()
        self._named: dict[tuple[str, str], None] = {}

    def add(self, module: nn.Module, field: str) -> None:
        """Notes that `module` has read `field`."""
        self._reads.setdefault((id(module), field), weakref.ref(module))

    def name_modules(self, model: nn.Module) -> None:
        """Learns the paths of `model` and names the reads of its modules; reads of other modules stay pending."""
        for path, module in model.named_modules():
            self._paths[module] = path
        for key, reference in list(self._reads.items()):
            module = reference()
            if module is None or module in self._paths:
                del self._reads[key]
            if module is not None and module in self._paths:
                self._named[self._paths[module], key[1]] = None

    def reads(self) -> list[dict[str, str]]:
        """The named reads: `scope` is the module's path ("" the root), `field` the path in the root config."""
        return [{"scope": scope, "field": field} for scope, field in self._named]


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
    heterogeneity._PerLayerConfigView.__getitem__ = layer


def _note(config: PreTrainedConfig, key: str, value: Any) -> Any:
    own = object.__getattribute__(config, "__dict__")
    key = type(config).attribute_map.get(key, key)
    if _PATH not in own or key not in own or key in _INERT or isinstance(value, PreTrainedConfig):
        return value
    module = _reading_module()
    if module is None:
        return value
    number, overrides = own.get(_LAYER, (0, frozenset()))
    field = f"{own[_PATH]}per_layer_config[{number}].{key}" if key in overrides else f"{own[_PATH]}{key}"
    if isinstance(value, dict):
        return RecordingDict(value, module, field)
    _record(module, field)
    return value


def _record(module: nn.Module, field: str) -> None:
    for recorder in _active:
        recorder.add(module, field)


def _reading_module() -> nn.Module | None:
    frame = sys._getframe(3)
    while frame is not None:
        code = frame.f_code
        # Without the check of the names, f_locals would copy the locals of every frame.
        if "self" in code.co_varnames or "self" in code.co_freevars:
            owner = frame.f_locals.get("self")
            if isinstance(owner, nn.Module):
                return owner
        frame = frame.f_back
    return None


class RecordingDict(dict[str, Any]):
    """A copy of a dict-valued field that records which keys are read; writes go to the original too."""

    def __init__(self, original: dict[str, Any], module: nn.Module, field: str) -> None:
        super().__init__(original)
        self._original = original
        self._module = module
        self._field = field

    def _note(self, key: Any, value: Any) -> Any:
        field = f"{self._field}.{key}"
        if isinstance(value, dict):
            return RecordingDict(value, self._module, field)
        _record(self._module, field)
        return value

    def __getitem__(self, key: Any) -> Any:
        return self._note(key, super().__getitem__(key))

    def get(self, key: Any, default: Any = None) -> Any:
        """As dict.get; a key that is absent counts as read."""
        return self._note(key, super().get(key, default))

    def __setitem__(self, key: Any, value: Any) -> None:
        self._original[key] = value
        super().__setitem__(key, value)

    def __reduce__(self) -> tuple[Any, ...]:
        # A copy that is kept (deepcopy, pickle) is a plain dict.
        return dict, (dict(self._original),)
