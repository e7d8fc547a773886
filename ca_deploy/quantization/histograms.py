"""Histograms of activations, within limits that an earlier pass over the same images found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ca_deploy.quantization.ranges import Range, join, of_each_image

BINS = 2048
_COUNTED_AT_ONCE = 1 << 17


@dataclass(frozen=True, eq=False)
class Histogram:
    """How many values of a tensor lie where.

    Attributes:
        limits: where the first bin begins and the last one ends, low below high.
        counts: int64 (bins,), values in each of the equally wide bins.
    """

    limits: Range
    counts: NDArray[np.int64]

    @cached_property
    def edges(self) -> NDArray[np.float64]:
        """Float64 (bins + 1,): where each bin begins, and the last one's end."""
        return np.linspace(self.limits.low, self.limits.high, len(self.counts) + 1)

    @cached_property
    def centers(self) -> NDArray[np.float64]:
        """Float64 (bins,): the middle of each bin."""
        return (self.edges[:-1] + self.edges[1:]) / 2


def measure_histograms(
    data: bytes, limits: Mapping[int, Range], batches: Iterable[NDArray[np.float32]], threads: int
) -> dict[int, Histogram]:
    """Histograms over all calibration images, of 2048 bins each.

    Args:
        data: a float32 .tflite whose input is one NHWC image.
        limits: exact ranges on the same images, by tensor index; tensors that never change, or by more or
            less than float32 can count, get no histogram.
        batches: calibration images as (N, 3, H, W) float32 arrays, read once and streamed.
        threads: how many images of a batch run at the same time; see `measure_ranges`.
    """
    varying = {index: of for index, of in limits.items() if _countable(of)}
    lows = np.array([of.low for of in varying.values()], np.float32)
    widths = np.array([of.high - of.low for of in varying.values()], np.float32)
    total = np.zeros((len(varying), BINS), np.int64)

    def counts(values: list[NDArray[np.floating]]) -> list[tuple[slice, NDArray[np.int64]]]:
        return [(part, _counts(values[part], lows[part], widths[part])) for part in _parts(values)]

    for found in of_each_image(data, list(varying), batches, threads, counts):
        for part, counted in found:
            total[part] += counted
    return {index: Histogram(varying[index], of) for index, of in zip(varying, total, strict=True)}


def _countable(limits: Range) -> bool:
    """Whether a bin's width and its inverse are normal float32 numbers."""
    info = np.finfo(np.float32)
    return BINS * float(info.tiny) < limits.high - limits.low < float(info.max)  # not for NaN


def _parts(values: list[NDArray[np.floating]]) -> Iterator[slice]:
    """Neighbours to count in one go: they fit into a processor's cache, or it is one tensor."""
    begin = held = 0
    for place, value in enumerate(values):
        if place > begin and held + value.size > _COUNTED_AT_ONCE:
            yield slice(begin, place)
            begin, held = place, 0
        held += value.size
    if values:
        yield slice(begin, len(values))


def _counts(
    values: list[NDArray[np.floating]], lows: NDArray[np.float32], widths: NDArray[np.float32]
) -> NDArray[np.int64]:
    """Values of each tensor in each bin, (tensors, bins)."""
    joined, _ = join(values)
    sizes = [value.size for value in values]
    joined -= np.repeat(lows, sizes)
    joined *= np.repeat(BINS / widths, sizes)
    places = joined.astype(np.intp)
    np.minimum(places, BINS - 1, out=places)  # the highest value belongs to the last bin and not behind it
    places += np.repeat(np.arange(len(values)) * BINS, sizes)
    return np.bincount(places, minlength=len(values) * BINS).reshape(-1, BINS)
