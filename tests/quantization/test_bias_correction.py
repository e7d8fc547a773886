import numpy as np
import pytest
import torch

from ca_deploy.quantization.balanced import with_biases
from ca_deploy.quantization.bias_correction import corrected_biases
from ca_deploy.quantization.ranges import Range, measure_ranges
from ca_deploy.quantization.simulation import Simulation
from ca_deploy.quantization.static import quantize_static
from ca_deploy.quantization.tflite_model import TFLiteModel
from ca_deploy.runtimes.litert import LiteRT


@pytest.fixture(scope="module")
def ranges(gated, images):
    return measure_ranges(gated, [images], 1)


def mean_error(data, images, expected):
    return np.abs((LiteRT(data).run(images)[0] - expected).mean(0)).mean()


def test_the_kernels_outputs_have_the_float_mean(gated, ranges, images):
    narrow = {index: Range(found.low * 0.8, found.high * 0.8) for index, found in ranges.items()}
    narrow |= {index: ranges[index] for index in TFLiteModel(gated).outputs}
    expected = LiteRT(gated).run(images)[0]
    before = mean_error(quantize_static(gated, narrow), images, expected)
    corrected = with_biases(gated, corrected_biases(Simulation(gated), narrow, images))
    assert mean_error(quantize_static(corrected, narrow), images, expected) < 0.3 * before


def test_only_biases_change_and_tensors_keep_their_indices(gated, ranges, images):
    biases = corrected_biases(Simulation(gated), ranges, images)
    before, after = TFLiteModel(gated), TFLiteModel(with_biases(gated, biases))
    assert [t.name for t in before.tensors] == [t.name for t in after.tensors]
    assert len(biases) == 4
    for index in range(len(before.tensors)):
        if (value := before.constant(index)) is not None:
            expected = biases.get(index, value)
            np.testing.assert_array_equal(after.constant(index), expected)


def test_equal_images_give_equal_biases(gated, ranges, images):
    one, other = (corrected_biases(Simulation(gated), ranges, images) for _ in range(2))
    assert all(np.array_equal(one[index], other[index]) for index in one)


def test_sums_are_on_one_thread_whatever_the_process_has(gated, ranges, images):
    before, seen = torch.get_num_threads(), set()

    class Watched(Simulation):
        def run(self, *args, **options):
            seen.add(torch.get_num_threads())
            return super().run(*args, **options)

    torch.set_num_threads(2)
    try:
        corrected_biases(Watched(gated), ranges, images)
        assert (seen, torch.get_num_threads()) == ({1}, 2)
    finally:
        torch.set_num_threads(before)
