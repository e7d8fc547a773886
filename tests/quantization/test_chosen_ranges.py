import pytest

from ca_deploy.plan import RANGES
from ca_deploy.progress import Silent
from ca_deploy.quantization.calibration import Calibration
from ca_deploy.quantization.chosen_ranges import choose_ranges
from ca_deploy.quantization.parameters import asymmetric
from ca_deploy.quantization.range_methods import METHODS
from ca_deploy.quantization.ranges import measure_ranges
from ca_deploy.quantization.tflite_model import TFLiteModel
from ca_deploy.quantization.write import at_precision
from ca_deploy.runtimes.litert import LiteRT


@pytest.fixture
def calibration(image_set, images):
    """With one neighbour far beyond the images."""
    return Calibration(image_set(images), limits=10 * images[:1])


def test_the_methods_are_those_that_the_plan_knows():
    assert set(RANGES) == {"minmax", "moving_average", *METHODS}


def test_only_minmax_holds_the_limits(gated, calibration, images):
    index = TFLiteModel(gated).inputs[0]
    found = {method: choose_ranges(gated, calibration, method, 1, Silent())[index] for method in RANGES}
    assert found["minmax"].high == 10 * images[:1].max()
    assert all(found[method].high <= images.max() for method in RANGES if method != "minmax")
    assert len({(of.low, of.high) for of in found.values()}) >= 4


@pytest.mark.parametrize("method", RANGES)
def test_threads_do_not_change_the_ranges(gated, calibration, method):
    alone, together = (choose_ranges(gated, calibration, method, threads, Silent()) for threads in (1, 4))
    assert alone == together
    assert set(alone) == set(measure_ranges(gated, calibration.batches(Silent()), 1))


@pytest.mark.parametrize("method", RANGES)
def test_the_ranges_that_were_chosen_are_those_in_the_file(gated, calibration, method):
    written = at_precision("int8", gated, calibration, "fast", 1, Silent(), method=method).data
    data = TFLiteModel(gated).dump()
    chosen = choose_ranges(data, calibration, method, 1, Silent())
    stored = {one.name: one.quantization for one in LiteRT(written).tensors}
    model = TFLiteModel(data)
    # Each a tensor of its own: no operator ties it to another, and no kernel fixes its scale.
    for kind in ("CONV_2D", "FULLY_CONNECTED", "MUL"):
        for operator in model.operators:
            if model.kind(operator) == kind:
                index = int(operator.outputs[0])
                expected = asymmetric(chosen[index].low, chosen[index].high)
                found = stored[model.name(index)]
                assert (found.scales, found.zero_points) == (
                    tuple(expected.scale),
                    tuple(expected.zero_point),
                )


def test_int16_keeps_every_value(gated, calibration):
    exact, asked = (
        at_precision("int16x8", gated, calibration, "fast", 1, Silent(), method=method).data
        for method in ("minmax", "percentile")
    )
    assert exact == asked
