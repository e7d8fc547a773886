"""What a series of run times says, on made-up series whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest

from ca_deploy.bench.timing import Ratio, ratio, summarize


def rounds(*values: list[float]) -> list[np.ndarray]:
    return [np.array(v, np.float64) for v in values]


def noisy(median: float, seed: int, drift: np.ndarray) -> list[np.ndarray]:
    """Ten rounds of ten runs around `median`, each round slowed by its drift."""
    rng = np.random.default_rng(seed)
    return [median * d * (1 + 0.02 * np.abs(rng.normal(size=10))) for d in drift]


def test_a_known_series_is_described() -> None:
    timing = summarize(rounds([1, 2, 3, 4, 5, 6], [7, 8, 9, 10, 11]))

    assert (timing.runs, timing.median, timing.min, timing.max) == (11, 6, 1, 11)
    assert (timing.p10, timing.p90) == (2, 10)
    assert timing.spread == pytest.approx(8 / 6)
    assert timing.low <= timing.median <= timing.high


def test_the_interval_is_that_of_drawing_rounds() -> None:
    """Two rounds: both drawn (half of the time), or the first or second twice (a quarter each)."""
    timing = summarize(rounds([1.0] * 5, [3.0] * 5))

    assert (timing.low, timing.median, timing.high) == (1, 2, 3)


def test_equal_runs_leave_no_doubt() -> None:
    timing = summarize(rounds([2.0] * 4, [2.0] * 4))

    assert (timing.low, timing.high, timing.spread) == (2, 2, 0)


def test_an_even_number_of_runs_has_its_median_between_two() -> None:
    timing = summarize(rounds([1, 2, 3, 4]))

    assert (timing.low, timing.median, timing.high) == (2.5, 2.5, 2.5)


def test_the_same_samples_give_the_same_interval() -> None:
    series = noisy(1.0, seed=1, drift=np.ones(10))

    assert summarize(series) == summarize(series)


def test_the_interval_covers_the_true_median_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(100):
        drift = rng.normal(1, 0.05, (10, 1))
        timing = summarize(list(drift + rng.normal(0, 0.02, (10, 10))))
        hits += timing.low <= 1 <= timing.high

    assert hits >= 85  # a percentile bootstrap over ten rounds falls a little short of 95


def test_drift_that_both_share_leaves_the_ratio_alone() -> None:
    drift = np.linspace(1, 2, 10)  # the machine becomes half as fast
    first, second = noisy(1.0, 1, drift), noisy(2.0, 2, drift)

    found = ratio(first, second)

    assert found.value == pytest.approx(0.5, abs=0.02)
    assert 0.47 < found.low <= found.value <= found.high < 0.53


def test_a_series_over_itself_is_one() -> None:
    series = noisy(1.0, 1, np.linspace(1, 2, 10))

    assert ratio(series, series) == Ratio(1.0, 1.0, 1.0)


@pytest.mark.parametrize("second", [[], rounds([1.0])])
def test_series_that_did_not_take_turns_cannot_be_compared(second: list[np.ndarray]) -> None:
    with pytest.raises(ValueError, match="take turns"):
        ratio(rounds([1.0], [1.0]), second)


def test_no_runs_cannot_be_described() -> None:
    with pytest.raises(ValueError, match="no runs"):
        summarize([])
