import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from ca_deploy.exporters.tflite import Converter
from ca_deploy.quantization.calibration_set import ImageSet


@pytest.fixture(scope="session")
def converter():
    with Converter() as running:
        yield running


@pytest.fixture(scope="session")
def to_tflite(converter):
    """Make a float32 .tflite of ONNX nodes; constants are NumPy arrays by name."""

    def make(nodes, constants, shape=(1, 3, 8, 8), outputs=("logits",), opset=18):
        graph = helper.make_graph(
            nodes,
            "graph",
            [helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
            [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)
        return converter.convert(onnx.shape_inference.infer_shapes(model).SerializeToString()).data

    return make


@pytest.fixture(scope="session")
def gated(to_tflite):
    """A convolution with ReLU6 gated by a squeeze, h_swish and sigmoid branch, and a classifier."""
    random = np.random.default_rng(0)

    def weights(*shape):
        return (random.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)

    node = helper.make_node
    nodes = [
        node("Conv", ["input", "w0", "b0"], ["c0"], pads=[1, 1, 1, 1]),
        node("Clip", ["c0", "zero", "six"], ["x"]),
        node("ReduceMean", ["x", "axes"], ["m"], keepdims=1),
        node("Conv", ["m", "w1", "b1"], ["c1"]),
        node("HardSwish", ["c1"], ["h"]),
        node("Conv", ["h", "w2", "b2"], ["c2"]),
        node("Sigmoid", ["c2"], ["g"]),
        node("Mul", ["x", "g"], ["y"]),
        node("GlobalAveragePool", ["y"], ["p"]),
        node("Flatten", ["p"], ["f"]),
        node("Gemm", ["f", "w3", "b3"], ["logits"], transB=1),
    ]
    constants = {
        "w0": weights(16, 3, 3, 3),
        "b0": weights(16) + np.float32(1),
        "w1": weights(8, 16, 1, 1),
        "b1": weights(8),
        "w2": weights(16, 8, 1, 1),
        "b2": weights(16),
        "w3": weights(5, 16),
        "b3": weights(5),
        "zero": np.float32(0),
        "six": np.float32(6),
        "axes": np.array([3]),
    }
    return to_tflite(nodes, constants)


@pytest.fixture(scope="session")
def images():
    return np.random.default_rng(1).standard_normal((24, 3, 8, 8)).astype(np.float32)


@pytest.fixture(scope="session")
def image_set():
    """Make an image set of float32 images, as an archive gives them: no preprocessing is asked for."""
    return lambda images: ImageSet(tuple(map(str, range(len(images)))), tuple(images), spec=None)
