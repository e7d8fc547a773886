import numpy as np
import pytest

from ca_deploy.quantization import ranges
from ca_deploy.quantization.ranges import Range, measure_ranges
from ca_deploy.quantization.tflite_model import TFLiteModel
from ca_deploy.runtimes.litert import LiteRT


def test_ranges_are_the_exact_extremes_of_every_activation(gated, images):
    ranges = measure_ranges(gated, [images[:7], images[7:]], threads=2)
    model = TFLiteModel(gated)
    assert set(ranges) == {*model.inputs, *(int(i) for op in model.operators for i in op.outputs)}
    assert ranges[model.inputs[0]] == Range(float(images.min()), float(images.max()))
    logits = LiteRT(gated).run(images)[0]
    measured = ranges[model.outputs[0]]
    np.testing.assert_allclose([measured.low, measured.high], [logits.min(), logits.max()], rtol=1e-5)


def test_how_images_are_batched_does_not_matter(gated, images):
    assert measure_ranges(gated, [images], 1) == measure_ranges(gated, list(images[:, None]), 1)


def test_an_image_that_does_not_fit_stops_the_measurement(gated):
    with pytest.raises(ValueError, match="not images of shape"):
        measure_ranges(gated, [np.zeros((3, 3, 5, 5), np.float32)], threads=1)


def test_many_threads_get_eight_interpreters(gated, images, monkeypatch):
    made = []

    def counted(*args, **options):
        made.append(LiteRT(*args, **options))
        return made[-1]

    monkeypatch.setattr(ranges, "LiteRT", counted)
    assert measure_ranges(gated, [images], threads=64) == measure_ranges(gated, [images], threads=1)
    assert len(made) == 8 + 1


def test_a_union_holds_both():
    assert Range(-1, 2).union(Range(0, 3)) == Range(-1, 3)
