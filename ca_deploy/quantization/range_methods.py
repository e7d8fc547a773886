"""Ranges of int8 activations: what to cut off, so that steps are finer for all the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ca_deploy.quantization.histograms import Histogram
from ca_deploy.quantization.ranges import Range

_LEVELS = 256
_NEW = 0.05
"""The share of a new image in a moving average."""
_PERCENT = 99.99
_FRACTIONS = np.arange(8, 65) / 64
"""Of the exact range: what MSE tries, and entropy every second of. The exact range itself is the last."""


def moving_average(extremes: NDArray[np.float64]) -> Range:
    """Exponential moving average of each image's lowest and highest value, of which 0.05 is new each time.

    Jacob et al., CVPR 2018, section 3.1; the share is ai-edge-quantizer's (0.95 of what was).

    Args:
        extremes: lowest and highest value (images, 2), in the images' order.
    """
    average = extremes[0]
    for new in extremes[1:]:
        average = (1 - _NEW) * average + _NEW * new
    return Range(float(average[0]), float(average[1]))


def percentile(histogram: Histogram) -> Range:
    """From the 0.01th to the 99.99th percentile, interpolated within bins.

    Wu et al., Integer Quantization for Deep Learning Inference, 2020, section 3.3 and table 5, with one
    percentile on either side in place of one of absolute values, because our int8 is asymmetric.
    """
    below = np.concatenate([[0], np.cumsum(histogram.counts)])
    wanted = np.array([100 - _PERCENT, _PERCENT]) / 100 * below[-1]
    low, high = np.interp(wanted, below, histogram.edges)
    return Range(float(low), float(high))


def mse(histogram: Histogram) -> Range:
    """The fraction of the exact range, both ends alike, with the smallest mean squared error in int8.

    The error is that of rounding and clipping the middles of the bins (Nagel et al., A White Paper on Neural
    Network Quantization, 2021, section 3.1, equation 17), searched on a grid from 1/8 to 1: every eighth
    fraction first, then closer around the best, because clipping gains until it costs.
    """
    parts = [_part(histogram.limits, fraction) for fraction in _FRACTIONS]
    error = cache(lambda place: _squared_error(histogram, parts[place]))

    def best_of(places: Iterable[int]) -> int:
        return min(places, key=lambda place: (error(place), -place))  # of equal ones the widest range

    best = best_of(range(0, len(parts), 8))
    for step in (4, 2, 1):
        best = best_of(place for place in (best - step, best, best + step) if 0 <= place < len(parts))
    return parts[best]


def entropy(histogram: Histogram) -> Range:
    """The range whose int8 loses least information: the smallest Kullback-Leibler divergence.

    Migacz, 8-bit Inference with TensorRT, GTC 2017, "Pseudocode: KL divergence for int8". Thresholds on
    absolute values, from 1/8 of the largest, clip either side; 256 levels share what lies between, in place
    of 128 of absolute values. The bin that holds zero counts as its neighbour does (as in NVIDIA's
    pytorch-quantization): int8 holds zero exactly, and ReLU's zeros would outweigh everything else.
    """
    limits, counts = histogram.limits, _without_zeros(histogram)
    largest = max(abs(limits.low), abs(limits.high))
    chosen = [_clipped(limits, largest * fraction) for fraction in _FRACTIONS[::2]]
    divergences = [_divergence(counts, *_bins(histogram, within)) for within in chosen]
    return chosen[_last_smallest(divergences)]


METHODS: Mapping[str, Callable[[Histogram], Range]] = {
    "percentile": percentile,
    "mse": mse,
    "entropy": entropy,
}
"""Those that need histograms."""


def _part(limits: Range, fraction: float) -> Range:
    return Range(float(limits.low * fraction), float(limits.high * fraction))


def _clipped(limits: Range, threshold: float) -> Range:
    """A range without what lies beyond a threshold; zero is in it."""
    return Range(float(min(max(limits.low, -threshold), 0.0)), float(max(min(limits.high, threshold), 0.0)))


def _last_smallest(losses: list[float]) -> int:
    """Where the loss is smallest; of equal ones the widest range."""
    return len(losses) - 1 - int(np.argmin(losses[::-1]))


def _squared_error(histogram: Histogram, within: Range) -> float:
    """Sum of squared errors of int8 with this range, widened to hold zero as `asymmetric` does."""
    low, high = min(within.low, 0.0), max(within.high, 0.0)
    step = (high - low) / (_LEVELS - 1)
    zero = np.round(-low / step)
    values = histogram.centers
    rounded = (np.clip(np.round(values / step) + zero, 0, _LEVELS - 1) - zero) * step
    return float(np.sum(histogram.counts * (values - rounded) ** 2))


def _without_zeros(histogram: Histogram) -> NDArray[np.int64]:
    """Counts, with a neighbour's in place of those of the bin that holds zero."""
    counts, limits = histogram.counts.copy(), histogram.limits
    if limits.low <= 0 <= limits.high:
        zero = int(np.clip(np.searchsorted(histogram.edges, 0.0, "right") - 1, 0, len(counts) - 1))
        counts[zero] = counts[zero + 1 if zero + 1 < len(counts) else zero - 1]
    return counts


def _bins(histogram: Histogram, within: Range) -> tuple[int, int]:
    """The first bin of a range and the one behind its last."""
    edges = histogram.edges
    first = int(np.searchsorted(edges, within.low, "right")) - 1
    behind = int(np.searchsorted(edges, within.high, "left"))
    return max(first, 0), min(behind, len(edges) - 1)


def _divergence(counts: NDArray[np.int64], first: int, behind: int) -> float:
    """KL divergence of what int8 makes of these bins from all values, those outside moved to the ends.

    Infinite where values were moved into an empty bin, and where fewer bins than levels are left.
    """
    inside = counts[first:behind].astype(np.float64)
    if len(inside) < _LEVELS or not inside.any():
        return np.inf
    reference = inside.copy()
    reference[0] += counts[:first].sum()
    reference[-1] += counts[behind:].sum()
    begins = -(-np.arange(_LEVELS) * len(inside) // _LEVELS)  # each level's first bin
    used = inside > 0
    mean = np.add.reduceat(inside, begins) / np.maximum(np.add.reduceat(used, begins, dtype=np.intp), 1)
    spread = np.where(used, np.repeat(mean, np.diff(begins, append=len(inside))), 0.0)
    seen = reference > 0
    p, q = reference[seen], spread[seen]
    if not q.all():
        return np.inf
    return float(p @ np.log(p / q) / p.sum() + np.log(q.sum() / p.sum()))
