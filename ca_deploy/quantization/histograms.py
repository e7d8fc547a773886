"""Histograms of activations, within limits that an earlier pass over the same images found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ca_deploy.quantization.ranges import Range, of_each_image

BINS = 2048


@dataclass(frozen=True, eq=False)
class Histogram:
    """How many values of a tensor lie where.

    Attributes:
        limits: where the first bin begins and the last one ends, low below high.
        counts: int64 (bins,), values in each of the equally wide bins.
    """

    limits: Range
    counts: NDArray[np.int64]

    @property
    def edges(self) -> NDArray[np.float64]:
        """Float64 (bins + 1,): where each bin begins, and the last one's end."""
        return np.linspace(self.limits.low, self.limits.high, len(self.counts) + 1)

    @property
    def centers(self) -> NDArray[np.float64]:
        """Float64 (bins,): the middle of each bin."""
        return (self.edges[:-1] + self.edges[1:]) / 2


def measure_histograms(
    data: bytes, limits: Mapping[int, Range], batches: Iterable[NDArray[np.float32]], threads: int
) -> dict[int, Histogram]:
    """Histograms over all calibration images, of 2048 bins each.

    Args:
        data: a float32 .tflite whose input is one NHWC image.
        limits: exact ranges on the same images, by tensor index; tensors that never change get no histogram.
        batches: calibration images as (N, 3, H, W) float32 arrays, read once and streamed.
        threads: how many images of a batch run at the same time; see `measure_ranges`.
    """
    varying = {index: of for index, of in limits.items() if of.low < of.high}
    total = np.zeros((len(varying), BINS), np.int64)

    def counts(values: list[NDArray[np.floating]]) -> NDArray[np.int32]:
        pairs = zip(values, varying.values(), strict=True)
        return np.array([_counts(value, within) for value, within in pairs], np.int32).reshape(-1, BINS)

    for found in of_each_image(data, list(varying), batches, threads, counts):
        total += found
    return {index: Histogram(varying[index], of) for index, of in zip(varying, total, strict=True)}


def _counts(values: NDArray[np.floating], limits: Range) -> NDArray[np.int32]:
    """Values in each bin."""
    places = values.ravel() - limits.low
    places *= BINS / (limits.high - limits.low)
    counts = np.bincount(places.astype(np.intp), minlength=BINS + 1)
    counts[BINS - 1] += counts[BINS]  # the highest value belongs to the last bin and not behind it
    return counts[:BINS].astype(np.int32)
