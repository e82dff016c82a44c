"""The package installs with pip and needs nothing of this repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from support import PACKAGE

PROBE = """
import lockstep_engine.params, lockstep_engine.serve, lockstep_engine.wire, sys
from lockstep_engine.schema import read_schema
assert "torch" not in sys.modules and "numpy" not in sys.modules
print(lockstep_engine.__file__, len(read_schema()["methods"]))
"""


class Package(unittest.TestCase):
    def test_installs_and_has_its_schema(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            # A copy: building writes beside the sources.
            source, target = Path(folder, "source"), Path(folder, "target")
            shutil.copytree(PACKAGE, source, ignore=shutil.ignore_patterns("__pycache__", "build", "*.egg-info"))
            options = ["--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--target", str(target)]
            pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install"]
            subprocess.run([*pip, *options, str(source)], check=True, capture_output=True)
            probe = [sys.executable, "-c", PROBE]
            environment = {**os.environ, "PYTHONPATH": str(target)}
            ended = subprocess.run(probe, cwd=folder, env=environment, check=True, capture_output=True, text=True)
            file, count = ended.stdout.split()
            self.assertTrue(file.startswith(str(target)))
            self.assertGreater(int(count), 5)


if __name__ == "__main__":
    unittest.main()
