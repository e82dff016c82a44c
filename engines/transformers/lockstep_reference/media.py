"""Image, video and audio inputs of gemma4_unified without torchvision: Pillow and numpy only.

`Gemma4UnifiedImageProcessor` of transformers needs torchvision, which does not import beside every build of torch.
These functions do what it does (image_processing_gemma4_unified.py and video_processing_gemma4_unified.py of 5.24);
a test compares them where torchvision imports. Resizing is Pillow's, which may differ from torchvision's by one
level of 255.
"""

from __future__ import annotations

import math

import numpy as np
from PIL import Image


def target_size(height: int, width: int, patch: int, max_patches: int) -> tuple[int, int]:
    """The (height, width) in pixels an image is resized to: multiples of `patch`, at most `max_patches` patches.

    `patch` is the side of a merged patch (patch_size x pooling_kernel_size). The aspect ratio is kept up to rounding
    down. Raises ValueError for an image that would vanish. Source: get_aspect_ratio_preserving_size.
    """
    factor = math.sqrt(max_patches * patch**2 / (height * width))
    target_height = math.floor(factor * height / patch) * patch
    target_width = math.floor(factor * width / patch) * patch
    if target_height == 0 and target_width == 0:
        raise ValueError(f"an image of {height} x {width} pixels would be resized to 0 x 0")
    if target_height == 0:
        target_height, target_width = patch, min(width // height, max_patches) * patch
    elif target_width == 0:
        target_height, target_width = min(height // width, max_patches) * patch, patch
    if target_height * target_width > max_patches * patch**2:
        raise ValueError(f"an image of {height} x {width} pixels does not fit in {max_patches} patches")
    return target_height, target_width


def image_patches(
    image: Image.Image, *, patch_size: int, pooling_kernel_size: int, max_soft_tokens: int
) -> tuple[np.ndarray, np.ndarray]:
    """Patches and positions of one image, padded to `max_soft_tokens` (P).

    Returns pixel_values float32 [P, side * side * 3] in 0 .. 1 and position ids int64 [P, 2] as (x, y), -1 = padding,
    where side = patch_size * pooling_kernel_size. Patches run row by row; inside a patch the order is row, column,
    channel. Raises ValueError for an image that does not fit.
    """
    # Merging k x k patches of p pixels gives the pixels of one patch of k * p pixels in the same order.
    side = patch_size * pooling_kernel_size
    image = image.convert("RGB")
    height, width = target_size(image.height, image.width, side, max_soft_tokens)
    if (height, width) != (image.height, image.width):
        image = image.resize((width, height), Image.Resampling.BICUBIC)
    pixels = np.asarray(image, dtype=np.float32) * np.float32(1 / 255)  # [height, width, 3]
    rows, columns = height // side, width // side
    patches = pixels.reshape(rows, side, columns, side, 3).transpose(0, 2, 1, 3, 4).reshape(rows * columns, -1)
    y, x = np.divmod(np.arange(rows * columns, dtype=np.int64), columns)
    padding = max_soft_tokens - rows * columns
    return (
        np.pad(patches, ((0, padding), (0, 0))),
        np.pad(np.stack([x, y], axis=1), ((0, padding), (0, 0)), constant_values=-1),
    )


def audio_frames(waveform: np.ndarray, *, samples_per_token: int, max_tokens: int) -> tuple[np.ndarray, np.ndarray]:
    """Frames of one waveform (float samples in -1 .. 1, 16 kHz), padded to `max_tokens` (T).

    Returns input_features float32 [T, samples_per_token] and input_features_mask bool [T], true = a real frame.
    Done by Gemma4UnifiedAudioFeatureExtractor, which needs no torchvision.
    """
    from transformers import Gemma4UnifiedAudioFeatureExtractor

    extractor = Gemma4UnifiedAudioFeatureExtractor(
        feature_size=samples_per_token, audio_samples_per_token=samples_per_token
    )
    features = extractor(waveform, padding="max_length", max_length=max_tokens, return_tensors="np")
    return features["input_features"][0].astype(np.float32), features["input_features_mask"][0].astype(bool)
