"""What a series of run times says: medians, spread, intervals and ratios.

Runs come in rounds, in which the compared artifacts take turns (A B A B ...), because a machine drifts:
runs within a round are alike, rounds differ. Intervals therefore come from a bootstrap over whole rounds
(a cluster bootstrap: Davison and Hinkley, Bootstrap Methods and Their Application, 1997, section 3.8), in
percentile form, and a ratio's from rounds drawn for both artifacts together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

# The run times of one artifact, milliseconds, one array for each round.
Rounds = Sequence[FloatArray]

_RESAMPLES = 1000
_SEED = 0  # the same samples give the same interval
_INTERVAL = (2.5, 97.5)  # percentiles: 95 %


@dataclass(frozen=True)
class Timing:
    """A series of run times in milliseconds.

    Attributes:
        runs: how many there were.
        median: half of them were faster.
        low: lower end of the median's 95 % bootstrap interval.
        high: its upper end.
        p10: a tenth of them were faster.
        p90: a tenth of them were slower.
        min: the fastest.
        max: the slowest.
        spread: (p90 - p10) / median.
    """

    runs: int
    median: float
    low: float
    high: float
    p10: float
    p90: float
    min: float
    max: float
    spread: float


@dataclass(frozen=True)
class Ratio:
    """How long one artifact takes over another.

    Attributes:
        value: ratio of the medians; below 1 the first is faster.
        low: lower end of its 95 % bootstrap interval.
        high: its upper end.
    """

    value: float
    low: float
    high: float


def summarize(rounds: Rounds) -> Timing:
    """Describe a series of run times.

    Raises:
        ValueError: when there are no runs.
    """
    runs = np.concatenate(rounds) if len(rounds) else np.empty(0)
    if not len(runs):
        raise ValueError("there are no runs to describe")
    p10, median, p90 = (float(v) for v in np.percentile(runs, (10, 50, 90)))
    low, high = _interval(_resampled_medians(rounds, _drawn(len(rounds))))
    return Timing(
        runs=len(runs),
        median=median,
        low=low,
        high=high,
        p10=p10,
        p90=p90,
        min=float(runs.min()),
        max=float(runs.max()),
        spread=(p90 - p10) / median if median else 0.0,
    )


def ratio(first: Rounds, second: Rounds) -> Ratio:
    """Compare two series that took turns, round by round.

    Raises:
        ValueError: when they have no rounds, or not the same number of them, or the clock saw no time pass.
    """
    if not len(first) or len(first) != len(second):
        raise ValueError(f"cannot compare {len(first)} rounds with {len(second)}: the series must take turns")
    drawn = _drawn(len(first))
    return _ratio(first, second, drawn, drawn)


def unpaired_ratio(first: Rounds, second: Rounds) -> Ratio:
    """Compare two series of different sessions, whose rounds are drawn independently.

    The interval holds the noise within each session only, not what differed between them.

    Raises:
        ValueError: when one of them has no rounds, or the clock saw no time pass.
    """
    if not len(first) or not len(second):
        raise ValueError("a series without rounds cannot be compared")
    return _ratio(first, second, _drawn(len(first)), _drawn(len(second), _SEED + 1))


def _ratio(
    first: Rounds, second: Rounds, first_drawn: NDArray[np.int64], second_drawn: NDArray[np.int64]
) -> Ratio:
    """Compare two series, each with how often its rounds are drawn in each resample."""
    medians = _resampled_medians(first, first_drawn), _resampled_medians(second, second_drawn)
    value, other = (float(np.median(np.concatenate(rounds))) for rounds in (first, second))
    if not (value and other and medians[0].all() and medians[1].all()):
        raise ValueError("the device's clock is too coarse: runs took 0 ms")
    low, high = _interval(medians[0] / medians[1])
    return Ratio(value / other, low, high)


def _drawn(rounds: int, seed: int = _SEED) -> NDArray[np.int64]:
    """How often each round is drawn in each resample: (resamples, rounds)."""
    picks = np.random.default_rng(seed).integers(rounds, size=(_RESAMPLES, rounds))
    return np.stack([np.bincount(pick, minlength=rounds) for pick in picks])


def _resampled_medians(rounds: Rounds, drawn: NDArray[np.int64]) -> FloatArray:
    """The median of all runs of the drawn rounds, for each resample."""
    runs = np.concatenate(rounds)
    order = np.argsort(runs)
    round_of_run = np.repeat(np.arange(len(rounds)), [len(r) for r in rounds])[order]
    return np.array([_weighted_median(runs[order], weights[round_of_run]) for weights in drawn])


def _weighted_median(ascending: FloatArray, weights: NDArray[np.int64]) -> float:
    """The median of values that each occur as often as their weight says."""
    upto = np.cumsum(weights)
    lower, upper = np.searchsorted(upto, ((upto[-1] + 1) // 2, upto[-1] // 2 + 1))
    return float((ascending[lower] + ascending[upper]) / 2)


def _interval(values: FloatArray) -> tuple[float, float]:
    low, high = np.percentile(values, _INTERVAL)
    return float(low), float(high)
