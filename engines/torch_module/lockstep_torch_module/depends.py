"""What a factory depends on, read from its sources: modules of its own, and installed packages with their versions."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

# Packages of lockstep itself, whose sources the harness hashes.
_OWN = {"lockstep_engine", "lockstep_reference", "lockstep_torch_module"}
# By these a module reaches what its import statements don't name: other files, the environment, code made of text.
_DOUBTFUL_NAMES = {"open", "exec", "eval", "compile", "__import__", "importlib", "runpy", "subprocess", "ctypes"}
_DOUBTFUL_ATTRIBUTES = {"path_hooks", "environ", "getenv", "read_text", "read_bytes", "load_library", "cpp_extension"}


def depends_of(file: Path) -> dict[str, Any] | None:
    """`depends` of `hello` for the factory in `file`; None where its sources don't tell all that it may use."""
    root = file.resolve().parent
    packages: dict[str, str] = {}
    seen: set[Path] = set()
    waiting = [file.resolve()]
    try:
        owners = metadata.packages_distributions()
        while waiting:
            source = waiting.pop()
            if source in seen:
                continue
            seen.add(source)
            tree = ast.parse(source.read_bytes())
            if _is_doubtful(tree):
                return None
            for name in _imported(tree, source, root):
                own = _files_of(name, root)
                waiting.extend(own)
                top = name.split(".")[0]
                if own or top in sys.stdlib_module_names or top in _OWN:
                    continue
                for owner in owners[top]:
                    if "editable" in (metadata.distribution(owner).read_text("direct_url.json") or ""):
                        return None
                    packages[owner] = metadata.version(owner)
    except (OSError, SyntaxError, ValueError, KeyError):
        return None
    return {"files": [str(path) for path in sorted(seen)], "packages": dict(sorted(packages.items()))}


def _is_doubtful(tree: ast.AST) -> bool:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in _DOUBTFUL_NAMES:
            return True
        if isinstance(node, ast.Attribute) and (
            node.attr in _DOUBTFUL_ATTRIBUTES
            or (node.attr in ("path", "modules") and isinstance(node.value, ast.Name) and node.value.id == "sys")
        ):
            return True
        if isinstance(node, ast.ImportFrom) and node.module in ("sys", "os"):
            return True
        if isinstance(node, ast.Import) and any(alias.asname and alias.name in ("sys", "os") for alias in node.names):
            return True
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name.split(".")[0] for alias in node.names]
            module = node.module.split(".")[0] if isinstance(node, ast.ImportFrom) and node.module else None
            if _DOUBTFUL_NAMES.intersection([*names, module]):
                return True
    return False


def _imported(tree: ast.AST, source: Path, root: Path) -> Iterator[str]:
    """Dotted names that a module imports, also those of `from a import b` that may be modules."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level > 0:
                package = source.parents[node.level - 1].relative_to(root).parts
                base = ".".join([*package, *([base] if base else [])])
            if base:
                yield base
            if base and not _files_of(base, root):
                continue
            yield from (
                name for alias in node.names if _files_of(name := ".".join(filter(None, [base, alias.name])), root)
            )


def _files_of(name: str, root: Path) -> list[Path]:
    """The files below `root` that importing a dotted name executes; none where it is not there."""
    parts = name.split(".")
    inits = [root.joinpath(*parts[:count], "__init__.py") for count in range(1, len(parts) + 1)]
    module = root.joinpath(*parts[:-1], f"{parts[-1]}.py")
    if not module.is_file() and not root.joinpath(*parts).is_dir():
        return []
    return [path for path in (*inits, module) if path.is_file()]
