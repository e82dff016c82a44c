"""What a factory of torch_module depends on: known in full, or said to be unknown."""

from __future__ import annotations

import sys
import tempfile
import unittest
from pathlib import Path

from packages import ENGINES

sys.path.insert(0, str(ENGINES / "torch_module"))

from lockstep_torch_module.depends import depends_of  # noqa: E402


class Depends(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name).resolve()

    def write(self, name: str, source: str = "") -> Path:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source, encoding="utf-8")
        return file

    def files_of(self, source: str) -> list[str]:
        found = depends_of(self.write("factory.py", source))
        assert found is not None
        return [str(Path(file).relative_to(self.folder)) for file in found["files"]]

    def test_installed_packages_are_named_with_their_versions(self) -> None:
        source = "import json, torch.nn\nfrom transformers import AutoConfig\nfrom lockstep_engine.taps import tap\n"
        found = depends_of(self.write("factory.py", source))
        assert found is not None
        self.assertEqual(sorted(found["packages"]), ["torch", "transformers"])

    def test_modules_beside_it_and_in_packages_are_followed(self) -> None:
        self.write("beside.py", "from parts.mlp import Mlp\n")
        self.write("parts/__init__.py", "from . import norm\n")
        self.write("parts/mlp.py", "from .deep import act\n")
        self.write("parts/norm.py")
        self.write("parts/deep/act.py")
        self.write("parts/other.py")
        expected = [
            "beside.py",
            "factory.py",
            "parts/__init__.py",
            "parts/deep/act.py",
            "parts/mlp.py",
            "parts/norm.py",
        ]
        self.assertEqual(self.files_of("import beside\n"), expected)

    def test_an_import_in_a_function_counts(self) -> None:
        self.write("late.py")
        self.assertEqual(self.files_of("def build():\n    import late\n"), ["factory.py", "late.py"])

    def test_what_a_source_does_not_tell_is_unknown(self) -> None:
        for source in (
            "import sys\nsys.path.insert(0, '../lib')\nimport json",
            "import sys as system\nsystem.path.append('x')",
            "from sys import path",
            "import importlib\nimportlib.import_module('x')",
            "from importlib import import_module",
            "x = open('scale.txt').read()",
            "from pathlib import Path\nx = Path('scale.txt').read_text()",
            "import os\nx = os.environ['SCALE']",
            "exec('import x')",
            "__import__('x')",
            "import subprocess",
            "import not_installed_anywhere",
            "def broken(",
        ):
            with self.subTest(source):
                self.assertIsNone(depends_of(self.write("factory.py", source)))

    def test_a_doubt_in_a_module_that_it_imports_counts(self) -> None:
        self.write("beside.py", "x = open('scale.txt').read()")
        self.assertIsNone(depends_of(self.write("factory.py", "import beside")))


if __name__ == "__main__":
    unittest.main()
