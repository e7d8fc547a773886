import numpy as np
import pytest

from ca_deploy.metrics import sqnr_db
from ca_deploy.precisions import PRECISIONS
from ca_deploy.progress import Silent
from ca_deploy.quantization.calibration import Calibration
from ca_deploy.quantization.reconstruction import Learning
from ca_deploy.quantization.tflite_model import TFLiteModel
from ca_deploy.quantization.write import at_precision
from ca_deploy.recipe import Tolerances
from ca_deploy.runtimes.litert import LiteRT


@pytest.fixture(scope="module")
def calibration(image_set, images):
    return Calibration(image_set(images))


def test_float32_is_the_file_itself(gated, calibration):
    assert at_precision("fp32", gated, calibration, "balanced", 1, Silent()).data == gated


@pytest.mark.parametrize(
    ("precision", "optimize", "dtype"),
    [
        ("fp16", "balanced", np.float32),
        ("int8", "fast", np.int8),
        ("int8", "balanced", np.int8),
        ("int8_per_tensor", "fast", np.int8),
        ("int8_per_tensor", "balanced", np.int8),
        ("int16x8", "fast", np.int16),
        ("int16x8", "balanced", np.int16),
        ("dynamic_int8", "balanced", np.float32),
        ("weight_int8", "balanced", np.float32),
    ],
)
def test_a_supported_network_is_written_without_warnings(gated, calibration, precision, optimize, dtype):
    written = at_precision(precision, gated, calibration, optimize, 1, Silent())
    assert LiteRT(written.data).outputs[0].dtype == dtype
    assert len(written.data) != len(gated)
    assert written.warnings == ()


def test_best_computes_sums_and_products_in_float_within_one_partition(gated, calibration):
    written = at_precision("int8", gated, calibration, "best", 1, Silent())
    runtime = LiteRT(written.data)
    operators = [one.operator for one in runtime.nodes]
    assert operators.count("DELEGATE") == 1
    model = TFLiteModel(written.data)
    products = [op for op in model.operators if model.kind(op) in ("MUL", "ADD")]
    assert products
    assert {model.dtype(int(op.outputs[0])) for op in products} == {np.dtype(np.float32)}
    assert {one.dtype for one in (*runtime.inputs, *runtime.outputs)} == {np.dtype(np.int8)}
    assert written.warnings == ()


def test_best_learns_where_it_is_given_time(gated, calibration, tmp_path):
    learning = Learning(0.02, 0, rounding=False, folder=tmp_path)
    best, balanced = (
        at_precision("int8", gated, calibration, level, 1, Silent(), learning=learning)
        for level in ("best", "balanced")
    )
    assert best.reconstruction.seconds > 0
    assert balanced.reconstruction is None
    operators = [one.operator for one in LiteRT(best.data).nodes]
    assert operators.count("DELEGATE") == 1


def test_more_bits_where_they_are_named_cost_less(gated, calibration, images):
    """Weights per tensor, per channel, and beside int16 or float32 activations: in this order."""
    expected = LiteRT(gated).run(images)[0]

    def quality(precision):
        written = at_precision(precision, gated, calibration, "fast", 1, Silent())
        return sqnr_db(expected, LiteRT(written.data).run(images)[0])

    assert quality("int8_per_tensor") < quality("int8") < quality("int16x8")
    assert abs(quality("int16x8") - quality("weight_int8")) < 3
    assert quality("int8") < quality("dynamic_int8") < quality("weight_int8") + 1


def test_every_precision_of_a_tflite_has_a_tolerance():
    assert set(PRECISIONS) <= set(Tolerances.model_fields)
