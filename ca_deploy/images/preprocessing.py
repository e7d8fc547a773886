"""From RGB pixels to the network's input, as the recipe's `[input]` table states it."""

from __future__ import annotations

from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_CENTER_FRACTION = 0.875  # ImageNet's evaluation: the shorter side to 256, then 224 of it
_FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


class Preprocessing(Protocol):
    """What this room reads of a recipe's input; `ca_deploy.recipe.InputSpec` explains each."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""

    @property
    def mean(self) -> tuple[float, float, float]:
        """Per channel, on pixels scaled to 0..1."""

    @property
    def std(self) -> tuple[float, float, float]:
        """Per channel, on pixels scaled to 0..1."""

    @property
    def resize(self) -> int | None:
        """Shorter side in pixels before the centre crop; at least the longer side of `size`."""

    @property
    def crop(self) -> Literal["center", "none"]:
        """Whether the aspect ratio is kept."""

    @property
    def interpolation(self) -> Literal["nearest", "bilinear", "bicubic", "lanczos"]:
        """Filter of the resize."""


def resize_and_crop(image: Image.Image, spec: Preprocessing) -> NDArray[np.uint8]:
    """Bring an RGB image to the recipe's size.

    The result is that of torchvision's Resize and CenterCrop on a PIL image, to within two grey levels (with
    "nearest", a sample that falls exactly between two pixels may take the other one), but only the pixels
    that the crop keeps are computed: a panorama costs no more than a portrait.

    Returns:
        uint8 of shape (H, W, 3), RGB.
    """
    height, width = spec.size
    box = _centre_box(image.size, spec) if spec.crop == "center" else None
    return np.array(image.resize((width, height), _FILTERS[spec.interpolation], box=box))


def shorter_side(spec: Preprocessing) -> int:
    """Pixels of the image's shorter side before the centre crop."""
    return spec.resize or round(max(spec.size) / _CENTER_FRACTION)


def _centre_box(image_size: tuple[int, int], spec: Preprocessing) -> tuple[float, float, float, float]:
    """Left, top, right and bottom, in the image's own pixels, of what resize and centre crop keep."""
    image_width, image_height = image_size
    height, width = spec.size
    shorter = shorter_side(spec)
    # The longer side is truncated and the margin rounded to whole pixels, as torchvision does.
    resized_width = max(shorter, shorter * image_width // image_height)
    resized_height = max(shorter, shorter * image_height // image_width)
    left, top = round((resized_width - width) / 2), round((resized_height - height) / 2)
    across, down = image_width / resized_width, image_height / resized_height
    return (
        left * across,
        top * down,
        min((left + width) * across, image_width),
        min((top + height) * down, image_height),
    )


def normalise(pixels: NDArray[np.uint8], spec: Preprocessing) -> NDArray[np.float32]:
    """(pixels / 255 - mean) / std, channels first.

    Args:
        pixels: uint8 of shape (H, W, 3), or a batch (N, H, W, 3).
        spec: gives mean and std.

    Returns:
        float32 of shape (3, H, W), or (N, 3, H, W).
    """
    planes = np.ascontiguousarray(np.moveaxis(pixels, -1, -3)).astype(np.float32)
    planes /= 255
    planes -= np.array(spec.mean, np.float32)[:, None, None]
    planes /= np.array(spec.std, np.float32)[:, None, None]
    return planes


def denormalise(images: NDArray[np.float32], spec: Preprocessing) -> NDArray[np.float32]:
    """Pixels, 0 to 255 to within rounding, of normalised images: both float32 (N, 3, H, W)."""
    mean, std = (np.array(values, np.float32)[:, None, None] for values in (spec.mean, spec.std))
    pixels: NDArray[np.float32] = (images * std + mean) * np.float32(255)
    return pixels


def are_whole_pixels(images: NDArray[np.float32], spec: Preprocessing) -> bool:
    """Whether normalised images (N, 3, H, W) were whole pixels from 0 to 255 (within rounding)."""
    pixels = denormalise(images, spec)
    whole = np.rint(pixels)
    return bool(np.all(np.abs(pixels - whole) < 0.01) and whole.min() >= 0 and whole.max() <= 255)
