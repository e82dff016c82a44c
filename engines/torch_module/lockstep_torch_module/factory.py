"""Finds a function in a Python file that is no package."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lockstep_engine.errors import bad_input


def load_function(file: str, name: str) -> Callable[..., Any]:
    """Executes `file` and returns its function `name`. Raises EngineError when either does not exist, or fails.

    As when Python runs a file, modules beside it can be imported.
    """
    path = Path(file).resolve()
    if not path.is_file():
        raise bad_input(f"there is no file {file}", expected="a Python file", where=str(path))
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise bad_input(f"{file} is not a Python file", expected="a name that ends with .py", where=str(path))
    module = importlib.util.module_from_spec(spec)
    # Registered, so that attention classes of the file find its own eager_attention_forward, and dataclasses work.
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise bad_input(f"{path.name} fails: {type(error).__name__}: {error}", where=str(path)) from error
    function = getattr(module, name, None)
    if not callable(function):
        functions = sorted(key for key, value in vars(module).items() if callable(value) and not key.startswith("_"))
        raise bad_input(
            f"{path.name} has no function {name}",
            expected=name,
            found=", ".join(functions) or "no functions",
            where=str(path),
        )
    return function
