"""How closely two runtimes agree on the same images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating]


@dataclass(frozen=True)
class Parity:
    """Agreement of `x` with a reference on the same images.

    Attributes:
        images: how many images were compared.
        max_abs: largest absolute difference of any output value.
        relative: `max_abs` divided by the output's scale (largest absolute reference value).
        sqnr_db: signal to quantization noise ratio in dB over all outputs of all images together.
        cosine: cosine similarity of all outputs of all images together.
        agreement: share of images (0 to 1) with the reference's top-1 class.
    """

    images: int
    max_abs: float
    relative: float
    sqnr_db: float
    cosine: float
    agreement: float


def sqnr_db(reference: FloatArray, x: FloatArray) -> float:
    """Signal to quantization noise ratio, 10·log10(Σref² / Σ(ref-x)²), in dB.

    Arrays of any equal shape and floating dtype, dequantized; infinite when they are equal.
    """
    ref = np.asarray(reference, np.float64)
    noise = float(np.sum((ref - np.asarray(x, np.float64)) ** 2))
    signal = float(np.sum(ref**2))
    if noise == 0.0:
        return float("inf")
    return float(10.0 * np.log10(signal / noise)) if signal > 0.0 else float("-inf")


def relative_error(reference: FloatArray, x: FloatArray) -> float:
    """Largest absolute difference divided by the largest absolute reference value (the output's scale)."""
    ref = np.asarray(reference, np.float64)
    difference = float(np.max(np.abs(ref - np.asarray(x, np.float64)), initial=0.0))
    scale = float(np.max(np.abs(ref), initial=0.0))
    return difference / scale if scale > 0.0 else difference


def agreement(reference: FloatArray, x: FloatArray) -> float:
    """Share of rows, 0 to 1, whose largest column is the same in two (images, classes) arrays."""
    return float(np.mean(np.argmax(reference, axis=-1) == np.argmax(x, axis=-1)))


def parity(reference: FloatArray, x: FloatArray) -> Parity:
    """Compare two (images, classes) arrays of dequantized outputs.

    Raises:
        ValueError: when the shapes differ or there are no images.
    """
    if reference.shape != x.shape or not len(reference):
        raise ValueError(f"cannot compare outputs of shapes {reference.shape} and {x.shape}")
    ref, other = np.asarray(reference, np.float64), np.asarray(x, np.float64)
    norms = float(np.linalg.norm(ref) * np.linalg.norm(other))
    return Parity(
        images=len(ref),
        max_abs=float(np.max(np.abs(ref - other))),
        relative=relative_error(ref, other),
        sqnr_db=sqnr_db(ref, other),
        cosine=float(np.vdot(ref, other)) / norms if norms else 0.0,
        agreement=agreement(ref.reshape(len(ref), -1), other.reshape(len(other), -1)),
    )
