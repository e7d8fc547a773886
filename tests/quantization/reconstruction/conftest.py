import numpy as np
import pytest
from onnx import helper

from ca_deploy.progress import Silent
from ca_deploy.quantization.balanced import with_biases
from ca_deploy.quantization.bias_correction import corrected_biases
from ca_deploy.quantization.calibration import Calibration
from ca_deploy.quantization.float_joints import float_joints
from ca_deploy.quantization.ranges import Range, measure_ranges
from ca_deploy.quantization.reconstruction import Candidate
from ca_deploy.quantization.reconstruction.settings import Settings
from ca_deploy.quantization.simulation import Simulation
from ca_deploy.quantization.static import quantize_static
from ca_deploy.quantization.tflite_model import TFLiteModel


@pytest.fixture(scope="session")
def residual(to_tflite):
    """Two blocks of a layer with ReLU6 and one without, a residual sum behind the second, a classifier."""
    random = np.random.default_rng(2)

    def weights(*shape):
        return (random.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)

    node = helper.make_node
    nodes = [
        node("Conv", ["input", "w0", "b0"], ["c0"], pads=[1, 1, 1, 1]),
        node("Clip", ["c0", "zero", "six"], ["x0"]),
        node("Conv", ["x0", "w1", "b1"], ["y0"]),
        node("Conv", ["y0", "w2", "b2"], ["c1"], pads=[1, 1, 1, 1]),
        node("Clip", ["c1", "zero", "six"], ["x1"]),
        node("Conv", ["x1", "w3", "b3"], ["y1"]),
        node("Add", ["y0", "y1"], ["s"]),
        node("GlobalAveragePool", ["s"], ["p"]),
        node("Flatten", ["p"], ["f"]),
        node("Gemm", ["f", "w4", "b4"], ["logits"], transB=1),
    ]
    constants = {
        "w0": weights(16, 3, 3, 3),
        "b0": weights(16),
        "w1": weights(8, 16, 1, 1),
        "b1": weights(8),
        "w2": weights(16, 8, 3, 3),
        "b2": weights(16),
        "w3": weights(8, 16, 1, 1),
        "b3": weights(8),
        "w4": weights(5, 8),
        "b4": weights(5),
        "zero": np.float32(0),
        "six": np.float32(6),
    }
    return TFLiteModel(to_tflite(nodes, constants)).dump()


@pytest.fixture(scope="session")
def ranges(residual, images):
    """Four times as wide as they have to be, so that there is something to learn."""
    exact = measure_ranges(residual, [images], 1)
    return {index: Range(4 * one.low, 4 * one.high) for index, one in exact.items()}


@pytest.fixture(scope="session")
def kept(residual):
    return float_joints(TFLiteModel(residual))


@pytest.fixture(scope="session")
def start(residual, ranges, images, kept):
    """What learning starts from: ranges and corrected biases."""
    data = with_biases(residual, corrected_biases(Simulation(residual, keep_float=kept), ranges, images))
    return Candidate(data, ranges, quantize_static(data, ranges, kept))


@pytest.fixture(scope="session")
def calibration(image_set, images):
    return Calibration(image_set(images), 2 * images[:3])


@pytest.fixture(scope="session")
def few():
    """Settings of a few rounds."""
    return Settings(block_rounds=20, output_rounds=20, batch=8, views=48, scale_rate=0.1)


@pytest.fixture
def silent():
    return Silent()
