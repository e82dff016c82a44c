"""Records which module reads which config field.

The reading module is the innermost `self` on the Python stack that is a module. That works in constructors too, where
a module does not know its path yet: paths are looked up when the reads are listed.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable
from typing import Any


class ReadRecorder:
    """The reads since it was made, as (module, field), in order of the first read."""

    def __init__(self) -> None:
        self._reads: dict[tuple[int, str], weakref.ref[Any]] = {}
        self._paths: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()
        self._named: dict[tuple[str, str], None] = {}

    def add(self, module: Any, field: str) -> None:
        """Notes that `module` has read `field`."""
        self._reads.setdefault((id(module), field), weakref.ref(module))

    def name_modules(self, model: Any) -> None:
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


class RecordingDict(dict[str, Any]):
    """A copy of a dict that tells `note` the path of each key that is read; writes go to the original too.

    `prefix` is where the dict stands in the config, with a final dot; "" at the root.
    """

    def __init__(self, original: dict[str, Any], note: Callable[[str], None], prefix: str = "") -> None:
        super().__init__(original)
        self._original = original
        self._note_read = note
        self._prefix = prefix

    def _note(self, key: Any, value: Any) -> Any:
        field = f"{self._prefix}{key}"
        if isinstance(value, dict):
            return RecordingDict(value, self._note_read, f"{field}.")
        self._note_read(field)
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


def recorded(config: dict[str, Any], recorder: ReadRecorder, kind: type) -> RecordingDict:
    """A config whose reads `recorder` notes under the module that reads; `kind` is the framework's type of modules."""

    def note(field: str) -> None:
        module = reading_module(kind, 3)
        if module is not None:
            recorder.add(module, field)

    return RecordingDict(config, note)


def reading_module(kind: type, depth: int) -> Any:
    """The innermost `self` on the stack that is a `kind`, from `depth` frames above the caller on; None without one."""
    frame = sys._getframe(depth + 1)
    while frame is not None:
        code = frame.f_code
        # Without the check of the names, f_locals would copy the locals of every frame.
        if "self" in code.co_varnames or "self" in code.co_freevars:
            owner = frame.f_locals.get("self")
            if isinstance(owner, kind):
                return owner
        frame = frame.f_back
    return None
