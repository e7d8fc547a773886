import numpy as np
import pytest

from ca_deploy.quantization import histograms
from ca_deploy.quantization.histograms import BINS, measure_histograms
from ca_deploy.quantization.ranges import Range, measure_ranges
from ca_deploy.quantization.tflite_model import TFLiteModel


def test_every_value_is_counted_where_it_lies(gated, images):
    exact = measure_ranges(gated, [images], 1)
    found = measure_histograms(gated, exact, [images[:7], images[7:]], threads=1)
    assert set(found) == {index for index, of in exact.items() if of.low < of.high}
    of_input = found[TFLiteModel(gated).inputs[0]]
    expected, edges = np.histogram(
        images.astype(np.float64), BINS, (float(images.min()), float(images.max()))
    )
    np.testing.assert_allclose(of_input.edges, edges)
    assert np.abs(of_input.counts - expected).sum() <= 2  # a value on an edge
    assert of_input.counts.sum() == images.size


def test_threads_do_not_change_a_count(gated, images):
    exact = measure_ranges(gated, [images], 1)
    alone, together = (measure_histograms(gated, exact, [images], threads) for threads in (1, 4))
    assert all(np.array_equal(alone[index].counts, together[index].counts) for index in alone)


def test_how_many_tensors_are_counted_at_once_does_not_matter(gated, images, monkeypatch):
    exact = measure_ranges(gated, [images], 1)
    together = measure_histograms(gated, exact, [images], 1)
    monkeypatch.setattr(histograms, "_COUNTED_AT_ONCE", 1)
    alone = measure_histograms(gated, exact, [images], 1)
    assert all(np.array_equal(alone[index].counts, together[index].counts) for index in exact)


def test_what_never_changes_has_no_histogram(gated, images):
    index = TFLiteModel(gated).inputs[0]
    assert measure_histograms(gated, {index: Range(1.0, 1.0)}, [images[:1]], 1) == {}


@pytest.mark.parametrize("limits", [Range(0, 1e-40), Range(0, 1e-36), Range(-3e38, 3e38), Range(0, np.inf)])
def test_what_float32_cannot_count_has_no_histogram(gated, images, limits):
    index = TFLiteModel(gated).inputs[0]
    assert measure_histograms(gated, {index: limits}, [images[:1]], 1) == {}
