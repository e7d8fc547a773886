import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ca_deploy.quantization.parameters import asymmetric, per_tensor, quantize, symmetric

reals = st.floats(-1e4, 1e4, width=32)


def dequantize(integers, params):
    return (integers.astype(np.float64) - params.zero_point) * params.scale


@given(reals, reals, st.sampled_from(["int8", "int16"]))
def test_zero_is_exact_and_the_range_is_represented(one, other, dtype):
    low, high = min(one, other), max(one, other)
    params = asymmetric(low, high, dtype)
    assert dequantize(quantize(np.zeros(1), params), params) == 0.0
    assert params.represents(low, high)


@given(reals, reals, st.floats(0, 1))
def test_a_value_in_range_is_off_by_at_most_half_a_step(one, other, position):
    low, high = min(one, other, 0.0), max(one, other, 0.0)
    params = asymmetric(low, high)
    value = np.array([low + position * (high - low)])
    error = np.abs(dequantize(quantize(value, params), params) - value)
    assert (
        error <= params.scale * 0.501 + (high - low) / 255 * 0.5
    )  # the zero point moves an end by half a step


def test_values_outside_are_clipped():
    params = per_tensor(0.5, 3)
    assert quantize(np.array([-1e9, 1e9]), params).tolist() == [-128, 127]


def test_ties_are_rounded_to_even():
    assert quantize(np.array([0.5, 1.5, 2.5, -0.5]), per_tensor(1.0, 0)).tolist() == [0, 2, 2, 0]


weights = st.just(0.0) | st.floats(2**-100, 2**13, width=32) | st.floats(-(2**13), -(2**-100), width=32)


@given(arrays(np.float32, (3, 2, 2), elements=weights), st.sampled_from([None, 0, 2]))
def test_weights_use_the_whole_narrow_range(values, axis):
    params = symmetric(values, axis)
    integers = quantize(values, params)
    others = None if axis is None else tuple({0, 1, 2} - {axis})
    largest = np.abs(values).max(axis=others)
    peaks = np.abs(integers.astype(np.int32)).max(axis=others)
    assert not params.zero_point.any()
    np.testing.assert_array_equal(peaks, np.where(largest > 0, 127, 0))


@pytest.mark.parametrize(
    ("low", "high", "inside"), [(0.0, 1.0, True), (0.0, 1.01, False), (-0.01, 0.5, False)]
)
def test_what_sigmoid_s_parameters_represent(low, high, inside):
    assert per_tensor(1 / 256, -128).represents(low, high) is inside


def test_what_is_always_zero_is_held_at_the_scale_of_ordinary_activations():
    params = asymmetric(0.0, 0.0)
    assert quantize(np.zeros(3), params).tolist() == [params.zero_point.item()] * 3
    assert 1e-3 < params.scale.item() < 0.1
