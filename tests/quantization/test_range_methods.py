import numpy as np
import pytest

from ca_deploy.quantization.histograms import BINS, Histogram
from ca_deploy.quantization.range_methods import METHODS, entropy, moving_average, mse, percentile
from ca_deploy.quantization.ranges import Range


def histogram(values):
    low, high = float(values.min()), float(values.max())
    return Histogram(Range(low, high), np.histogram(values, BINS, (low, high))[0])


@pytest.fixture(scope="module")
def bell():
    """Of a million values with standard deviation 1."""
    return np.random.default_rng(0).standard_normal(1_000_000)


def test_an_average_moves_by_a_twentieth_of_each_image():
    assert moving_average(np.array([[-1.0, 2.0]])) == Range(-1, 2)
    moved = moving_average(np.array([[0.0, 1.0], [-1.0, 3.0], [0.0, 1.1]]))
    assert moved == Range(pytest.approx(-0.0475), pytest.approx(0.95 * 1.1 + 0.05 * 1.1))


def test_a_percentile_leaves_out_one_value_in_ten_thousand_on_either_side(bell):
    found = percentile(histogram(bell))
    np.testing.assert_allclose([found.low, found.high], np.quantile(bell, [0.0001, 0.9999]), atol=0.01)


def test_a_percentile_is_interpolated_within_its_bin():
    counts = np.zeros(BINS, np.int64)
    counts[0] = 100
    found = percentile(Histogram(Range(0, BINS), counts))
    assert (found.low, found.high) == (pytest.approx(0.0001), pytest.approx(0.9999))


def squared_error(values, found):
    step = (found.high - found.low) / 255
    zero = np.round(-found.low / step)
    rounded = (np.clip(np.round(values / step) + zero, 0, 255) - zero) * step
    return np.mean((values - rounded) ** 2)


def test_mse_beats_every_other_fraction_on_the_values_themselves(bell):
    """An optimum known in closed form for 8 bits: 3.89 of a Gaussian (Banner et al., NeurIPS 2019: 3.92)."""
    exact = histogram(bell).limits
    found = mse(histogram(bell))
    assert found.high == pytest.approx(3.9, abs=0.25)
    fractions = np.arange(8, 65) / 64
    errors = [squared_error(bell, Range(exact.low * f, exact.high * f)) for f in fractions]
    assert squared_error(bell, found) <= min(errors) * 1.01


def test_mse_keeps_what_rounding_does_not_pay_for():
    flat = Histogram(Range(0.0, 6.0), np.full(BINS, 100))
    assert mse(flat) == Range(0.0, 6.0)


def test_entropy_cuts_off_a_long_thin_tail():
    """Over the whole range the values that matter would share a dozen of 256 levels."""
    body = np.abs(np.random.default_rng(2).standard_normal(1_000_000)) / 20
    found = entropy(histogram(np.concatenate([[0], body, np.linspace(0, 4, 300)])))
    assert found.low == 0
    assert 0.5 <= found.high < 2


def test_entropy_keeps_everything_where_nothing_is_rare():
    flat = Histogram(Range(0.0, 6.0), np.full(BINS, 100))
    assert entropy(flat) == Range(0.0, 6.0)


def test_entropy_does_not_count_zeros():
    """A ReLU's zeros say nothing about the rest: int8 holds zero exactly."""
    values = np.abs(np.random.default_rng(1).standard_normal(100_000))
    few, many = histogram(np.append(values, 0.0)), histogram(np.append(values, np.zeros(10**6)))
    assert entropy(few) == entropy(many)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("sign", [1, -1])
def test_ranges_lie_within_the_exact_one_and_reach_zero_or_the_values(method, sign, bell):
    shifted = histogram(sign * (np.abs(bell[:10_000]) + 3))
    found = METHODS[method](shifted)
    low, high = min(found.low, 0.0), max(found.high, 0.0)
    assert min(shifted.limits.low, 0.0) <= low < high <= max(shifted.limits.high, 0.0)
    assert high - low > 0.125 * max(abs(shifted.limits.low), abs(shifted.limits.high)) * 0.99
