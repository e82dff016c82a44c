"""Where the packages under test are: importing this makes them importable, also in a process that gets `PACKAGES`."""

import sys
from pathlib import Path

ENGINES = Path(__file__).resolve().parents[2]
PACKAGES = [str(ENGINES / "transformers"), str(ENGINES / "python")]
sys.path[:0] = PACKAGES
