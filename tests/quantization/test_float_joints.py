import numpy as np
import pytest
from onnx import helper

from ca_deploy.metrics import sqnr_db
from ca_deploy.progress import Silent
from ca_deploy.quantization.balanced import quantize_balanced
from ca_deploy.quantization.calibration import Calibration
from ca_deploy.quantization.float_joints import float_joints
from ca_deploy.quantization.tflite_model import TFLiteModel
from ca_deploy.runtimes.litert import LiteRT


@pytest.fixture(scope="module")
def joined(to_tflite):
    """Two residual sums, a product with a gate, and two joints that are left alone."""
    random = np.random.default_rng(0)
    weights = {f"w{i}": random.standard_normal((3, 3, 1, 1)).astype(np.float32) for i in range(3)}
    nodes = [
        helper.make_node("Conv", ["input", "w0"], ["c0"]),
        helper.make_node("Add", ["input", "c0"], ["s0"]),
        helper.make_node("Conv", ["s0", "w1"], ["c1"]),
        helper.make_node("Add", ["s0", "c1"], ["s1"]),
        helper.make_node("ReduceMean", ["c1", "axes"], ["m"]),
        helper.make_node("Sigmoid", ["m"], ["g"]),
        helper.make_node("Mul", ["m", "g"], ["swish"]),
        helper.make_node("Mul", ["s1", "swish"], ["y"]),
        helper.make_node("Add", ["y", "one"], ["z"]),
        helper.make_node("Conv", ["z", "w2"], ["logits"]),
    ]
    return to_tflite(nodes, weights | {"one": np.ones((1, 3, 8, 8), np.float32), "axes": np.array([3])})


def kinds(data):
    model = TFLiteModel(data)
    return [model.kind(operator) for operator in model.operators]


def test_only_what_joins_two_computed_tensors_stays_float(joined):
    assert [kinds(joined)[place] for place in float_joints(TFLiteModel(joined))] == ["ADD", "ADD", "MUL"]


def test_joints_pass_floats_to_one_another_and_integers_to_layers(joined, image_set, images):
    calibration = Calibration(image_set(images))
    plain, mixed = (
        quantize_balanced(joined, calibration, 1, Silent(), mixed=mixed) for mixed in (False, True)
    )
    written = kinds(mixed.data)
    product = len(written) - 1 - written[::-1].index("MUL")
    assert written[product - 1] == "DEQUANTIZE"  # of the gate; the sum comes as it is
    assert written.count("QUANTIZE") == 2  # for the second layer, and behind the product
    expected = LiteRT(joined).run(images)[0]
    errors = [sqnr_db(expected, LiteRT(one.data).run(images)[0]) for one in (plain, mixed)]
    assert errors[1] > errors[0]


def test_the_simulation_rounds_where_the_mixed_file_rounds(joined, image_set, images):
    mixed = quantize_balanced(joined, Calibration(image_set(images)), 1, Silent(), mixed=True)
    assert mixed.simulation_db > 45
