"""Makes `gemma4_unified.safetensors` from a real photograph and a real speech clip; README.md names their sources.

python cases/media/fetch.py          writes the file
python cases/media/fetch.py --check  makes it again and compares; exit code 1 when a tensor differs

Run with the Python environment of engines/transformers. The speech clip needs Debian's apt-get and dpkg-deb.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image
from safetensors.numpy import load_file, save_file

HERE = Path(__file__).resolve().parent
TARGET = HERE / "gemma4_unified.safetensors"
sys.path[:0] = [str(HERE.parents[1] / "engines" / name) for name in ("transformers", "python")]

from lockstep_reference.media import audio_frames, image_patches  # noqa: E402

PHOTO_WHEEL = "matplotlib==3.11.2"
PHOTO_MEMBER = "matplotlib/mpl-data/sample_data/grace_hopper.jpg"
PHOTO_SHA256 = "a8ca6d734765703b09728ab47fe59f473d93ae3967fc24c7c0288c3c7adb7130"
SPEECH_PACKAGE = "pocketsphinx-testdata"
SPEECH_MEMBER = "usr/share/pocketsphinx/test/data/goforward.raw"
SPEECH_SHA256 = "f15c60ec54059d8b66e410d0064945a0b0a04ea56e1ddca1958e493c0cf70e71"

# The tiny model of cases/gemma4_unified: merged patches of 2 x 2 pixels times 2 x 2, 26 samples an audio token.
PATCH = {"patch_size": 2, "pooling_kernel_size": 2}
SAMPLES_PER_TOKEN = 26
PHOTO_TOKENS, VIDEO_TOKENS, SPEECH_TOKENS = 28, 7, 13
SPEECH_SAMPLES = 8 * SAMPLES_PER_TOKEN + 22  # nine frames, the last one not full


def fetch_photo(directory: Path) -> Path:
    """Downloads the wheel and returns the photograph in it."""
    run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(directory), PHOTO_WHEEL])
    (wheel,) = directory.glob("matplotlib-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extract(PHOTO_MEMBER, directory)
    return checked(directory / PHOTO_MEMBER, PHOTO_SHA256)


def fetch_speech(directory: Path) -> Path:
    """Downloads the Debian package and returns the clip in it: 16 kHz, 16 bits, one channel, no header."""
    run(["apt-get", "download", SPEECH_PACKAGE], directory)
    (package,) = directory.glob(f"{SPEECH_PACKAGE}_*.deb")
    run(["dpkg-deb", "--extract", str(package), str(directory)])
    return checked(directory / SPEECH_MEMBER, SPEECH_SHA256)


def run(command: list[str], directory: Path | None = None) -> None:
    """Runs a command; ends the script with its error output when it fails or does not exist."""
    try:
        result = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise SystemExit(f"{command[0]} is not installed; this script needs it") from None
    if result.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{result.stderr.strip()}")


def checked(file: Path, expected: str) -> Path:
    """Returns `file` when its SHA-256 is the expected one; ends the script otherwise."""
    found = hashlib.sha256(file.read_bytes()).hexdigest()
    if found != expected:
        raise SystemExit(f"{file.name} is another file: expected SHA-256 {expected}, found {found}")
    return file


def loudest(waveform: np.ndarray, length: int) -> np.ndarray:
    """The `length` samples with the most energy."""
    energy = np.cumsum(np.concatenate([[0.0], waveform.astype(np.float64) ** 2]))
    start = int(np.argmax(energy[length:] - energy[:-length]))
    return waveform[start : start + length]


def make(directory: Path) -> dict[str, np.ndarray]:
    """All tensors of the file."""
    photo = Image.open(fetch_photo(directory)).convert("RGB")  # 512 x 600
    crops = {"photo": (100, 40, 400, 240), "photo_wide": (10, 300, 500, 524)}
    tensors: dict[str, np.ndarray] = {}
    for name, box in crops.items():
        values, positions = image_patches(photo.crop(box), **PATCH, max_soft_tokens=PHOTO_TOKENS)
        tensors[f"{name}.pixel_values"], tensors[f"{name}.position_ids"] = values[None], positions[None]
    frames = [photo.crop((150 + 24 * step, 60 + 8 * step, 330 + 24 * step, 180 + 8 * step)) for step in range(3)]
    patched = [image_patches(frame, **PATCH, max_soft_tokens=VIDEO_TOKENS) for frame in frames]
    tensors["video.pixel_values"] = np.stack([values for values, _ in patched])
    tensors["video.position_ids"] = np.stack([positions for _, positions in patched])
    samples = np.fromfile(fetch_speech(directory), dtype="<i2").astype(np.float32) / 32768
    clip = loudest(samples, SPEECH_SAMPLES)
    features, mask = audio_frames(clip, samples_per_token=SAMPLES_PER_TOKEN, max_tokens=SPEECH_TOKENS)
    tensors["speech.input_features"], tensors["speech.input_features_mask"] = features[None], mask[None]
    return {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}


def main() -> int:
    """Writes or checks the file; returns the exit code."""
    with tempfile.TemporaryDirectory() as directory:
        made = make(Path(directory))
    if "--check" not in sys.argv[1:]:
        save_file(made, TARGET)
        print(f"wrote {TARGET.name}, {TARGET.stat().st_size} bytes")
        return 0
    stored = load_file(TARGET)
    differing = sorted(
        name
        for name in made.keys() | stored.keys()
        if name not in made or name not in stored or not np.array_equal(made[name], stored[name])
    )
    print(f"differs: {', '.join(differing)}" if differing else f"{TARGET.name} is reproduced: {len(made)} tensors")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
