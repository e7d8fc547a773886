import math

import numpy as np
import pytest

from ca_deploy import metrics
from ca_deploy.evaluation import ClassChange, Move, Tally


@pytest.fixture
def logits():
    random = np.random.default_rng(0)
    reference = random.normal(size=(200, 8)).astype(np.float32)
    return reference, reference + random.normal(scale=0.3, size=reference.shape).astype(np.float32)


def tally(labels, x, reference, size):
    counted = Tally(x.shape[1])
    for start in range(0, len(x), size):
        part = slice(start, start + size)
        counted.add(labels[part], x[part], None if reference is None else reference[part])
    return counted.accuracy()


def test_figures_that_stream_are_those_of_all_images_together(logits):
    reference, x = logits
    labels = np.arange(200) % 8
    found = tally(labels, x, reference, 7)
    assert found.top1.value == np.mean(x.argmax(1) == labels)
    assert found.top5.value == np.mean(
        [label in row.argsort()[-5:] for row, label in zip(x, labels, strict=True)]
    )
    together = metrics.parity(reference, x)
    assert found.comparison.agreement.value == pytest.approx(together.agreement)
    assert found.comparison.sqnr_db.value == pytest.approx(together.sqnr_db)
    assert found.comparison.max_abs == pytest.approx(together.max_abs)
    assert found == tally(labels, x, reference, 200)


def test_the_difference_is_that_of_the_two_accuracies(logits):
    reference, x = logits
    labels = np.arange(200) % 8
    found, alone = tally(labels, x, reference, 50), tally(labels, reference, None, 50)
    assert found.comparison.difference.value == pytest.approx(found.top1.value - alone.top1.value)
    assert alone.comparison is None


def test_sqnr_s_interval_holds_what_other_samples_give(logits):
    random = np.random.default_rng(1)
    reference = random.normal(size=(20_000, 8)) * random.uniform(0.5, 2, size=(20_000, 1))
    x = reference + random.normal(size=reference.shape) * random.uniform(0.1, 0.4, size=(20_000, 1))
    truth = metrics.sqnr_db(reference, x)
    parts = [slice(start, start + 200) for start in range(0, 20_000, 200)]
    found = [tally(np.zeros(200, int), x[part], reference[part], 200).comparison.sqnr_db for part in parts]
    assert np.mean([one.low <= truth <= one.high for one in found]) >= 0.9
    assert np.mean([one.high - one.low for one in found]) < 2


def test_changes_are_listed_by_class_and_by_answer():
    right, wrong = [0, 9, 0], [9, 0, 0]  # of an image of class 1
    found = tally(np.array([1, 1, 1, 2]), np.array([wrong, wrong, right, wrong]), np.array([right] * 4), 4)
    assert found.comparison.classes == (ClassChange(1, 3, 3, 0, 2), ClassChange(2, 1, 0, 0, 0))
    assert found.comparison.moves == (Move(1, 1, 0, 2), Move(2, 1, 0, 1))
    assert (found.comparison.gained, found.comparison.lost) == (0, 2)
    assert found.top5 is None


def test_logits_that_are_no_numbers_count_as_wrong():
    found = tally(np.array([0, 0]), np.array([[np.nan, 1, 2], [3, 1, 2]]), np.array([[3.0, 1, 2]] * 2), 2)
    assert found.not_finite == 1
    assert found.top1.value == 0.5
    assert found.comparison.moves == (Move(0, 0, -1, 1),)
    assert math.isfinite(found.comparison.sqnr_db.value)


def test_equal_logits_have_no_noise(logits):
    reference, _ = logits
    assert math.isinf(tally(np.zeros(200, int), reference, reference, 64).comparison.sqnr_db.value)
