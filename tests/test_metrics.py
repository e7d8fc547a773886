import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ca_deploy.metrics import agreement, parity, relative_error, sqnr_db


@given(st.floats(1e-3, 1e3), st.integers(0, 2**32 - 1))
def test_sqnr_of_scaled_noise_is_the_ratio_in_decibel(ratio, seed):
    reference = np.random.default_rng(seed).standard_normal((5, 7))
    noise = reference / ratio  # as strong as the signal, but for the ratio
    assert sqnr_db(reference, reference + noise) == pytest.approx(20 * math.log10(ratio), abs=1e-6)


def test_sqnr_is_infinite_without_noise_and_minus_infinite_without_signal():
    assert sqnr_db(np.ones(3), np.ones(3)) == math.inf
    assert sqnr_db(np.zeros(3), np.ones(3)) == -math.inf


def test_relative_error_is_on_the_output_s_scale():
    assert relative_error(np.array([0.0, -8.0]), np.array([2.0, -8.0])) == 0.25
    assert relative_error(np.zeros(2), np.array([0.0, 0.5])) == 0.5


def test_agreement_counts_equal_top1():
    reference = np.array([[1.0, 2.0], [2.0, 1.0], [0.0, 1.0], [1.0, 0.0]])
    other = np.array([[0.0, 9.0], [1.0, 2.0], [0.0, 0.1], [5.0, 0.0]])
    assert agreement(reference, other) == 0.75


def test_parity_of_feature_maps_compares_all_values_of_an_image():
    reference = np.arange(24.0).reshape(2, 3, 2, 2)
    measured = parity(reference, reference + 0.5)
    assert measured.images == 2
    assert measured.max_abs == 0.5
    assert measured.relative == 0.5 / 23
    assert measured.agreement == 1.0


def test_cosine_knows_direction_and_not_length():
    reference = np.array([[3.0, 4.0]])
    assert parity(reference, 2 * reference).cosine == pytest.approx(1.0)
    assert parity(reference, np.array([[-4.0, 3.0]])).cosine == pytest.approx(0.0)


@pytest.mark.parametrize("other", [np.zeros((1, 3)), np.zeros((0, 2))])
def test_outputs_that_cannot_be_compared_are_refused(other):
    with pytest.raises(ValueError, match="cannot compare"):
        parity(np.zeros((len(other), 2)), other)
