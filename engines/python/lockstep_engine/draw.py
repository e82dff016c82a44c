"""The portable generator, bit for bit that of `harness/trace/draw.ts`: a tensor is a function of seed, name, shape.

Bump `GENERATOR_VERSION` together with the TypeScript side when a bit of any tensor of a golden changes.
"""

from __future__ import annotations

import math
import re

import numpy as np

GENERATOR_VERSION = 1

_MASK = 0xFFFFFFFF
# Elements per pass: bounds the temporaries of a large embedding table to a few tens of MiB.
_CHUNK = 1 << 20


def _mix(x: np.ndarray) -> np.ndarray:
    """A 32-bit finaliser with low bias (the constants of Wellons' `lowbias32`); `x` is uint32 and wraps."""
    x = (x ^ (x >> np.uint32(16))) * np.uint32(0x7FEB352D)
    x = (x ^ (x >> np.uint32(15))) * np.uint32(0x846CA68B)
    return x ^ (x >> np.uint32(16))


def _mix_one(x: int) -> int:
    return int(_mix(np.array([x & _MASK], dtype=np.uint32))[0])


def _fnv1a(text: str) -> int:
    value = 0x811C9DC5
    for byte in text.encode("utf-8"):
        value = ((value ^ byte) * 0x01000193) & _MASK
    return value


def stream_key(seed: int, name: str) -> int:
    """The key of one named stream, a uint32: everything of a draw but the element index."""
    return _mix_one(_fnv1a(name) ^ _mix_one(seed + 0x9E3779B9))


def uniform_bits(key: int, start: int, stop: int) -> np.ndarray:
    """Uniform uint32 for the elements `start .. stop` of stream `key`."""
    index = np.arange(start, stop, dtype=np.int64).astype(np.uint32)
    return _mix(np.uint32(key) + _mix(index ^ np.uint32(key)))


def draw_uniform(seed: int, name: str, length: int, low: float, high: float) -> np.ndarray:
    """Draws `length` float32 numbers uniform in (low, high) from stream (seed, name)."""
    key = stream_key(seed, name)
    values = np.empty(length, dtype=np.float32)
    for start in range(0, length, _CHUNK):
        stop = min(start + _CHUNK, length)
        # As in TypeScript, all of this is float64; the only rounding to float32 is the assignment.
        unit = ((uniform_bits(key, start, stop) >> np.uint32(8)).astype(np.float64) + 0.5) * 2.0**-24
        values[start:stop] = low + (high - low) * unit
    return values


def draw_range(name: str, shape: tuple[int, ...]) -> tuple[float, float]:
    """The interval that parameter `name` of `shape` is drawn from; the reasons are in `draw.ts`."""
    if re.search(r"pos(ition)?_?emb", name):
        return -1.0, 1.0
    if len(shape) >= 2:
        stacked = len(shape) == 3 and re.search(r"expert|moe", name)
        fan_in = math.prod(shape[2 if stacked else 1 :])
        bound = math.sqrt(3 / fan_in) if fan_in else 0.0
        return -bound, bound
    return (-0.4, 0.4) if name.endswith("bias") else (0.5, 1.5)


def draw_parameter(seed: int, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Draws parameter `name`: float32, row-major, `shape`."""
    low, high = draw_range(name, shape)
    return draw_uniform(seed, name, math.prod(shape), low, high).reshape(shape)
