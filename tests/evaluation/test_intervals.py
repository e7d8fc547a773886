import math

import numpy as np
import pytest

from ca_deploy.evaluation.intervals import paired_difference, share


def test_none_and_all_of_them_lie_in_their_intervals():
    for images in range(1, 200):
        assert (share(0, images).low, share(images, images).high) == (0, 1)


def test_wilson_s_interval_is_the_published_one():
    # Newcombe, Statistics in Medicine 1998, table I, method 3: 81 of 263.
    found = share(81, 263)
    assert (round(found.low, 4), round(found.high, 4)) == (0.2553, 0.3662)


@pytest.mark.parametrize(("count", "images"), [(0, 10), (10, 10)])
def test_an_interval_of_all_or_none_stays_within_0_and_1_and_has_a_width(count, images):
    found = share(count, images)
    assert 0 <= found.low < found.high <= 1


def test_equal_answers_leave_an_interval_around_zero():
    found = paired_difference(0, 0, 1000)
    assert found.value == 0
    assert -found.low == pytest.approx(found.high)
    assert 0 < found.high < 0.002


def test_a_paired_difference_has_its_sign_and_holds_its_confidence():
    assert paired_difference(10, 2, 100).value == pytest.approx(0.08)
    assert paired_difference(40, 2, 100).low > 0
    random, truth = np.random.default_rng(0), 0.01
    draws = random.multinomial(500, [0.03, 0.02, 0.95], 2000)
    found = [paired_difference(int(gained), int(lost), 500) for gained, lost, _ in draws]
    covered = sum(one.low <= truth <= one.high for one in found) / len(found)
    assert math.isclose(covered, 0.95, abs_tol=0.02)
