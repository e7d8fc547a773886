"""The QDQ form: what is stored as integers, and what ONNX Runtime makes of it."""

from collections import Counter

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from ca_deploy.metrics import sqnr_db
from ca_deploy.quantization.parameters import asymmetric, per_tensor
from ca_deploy.quantization.qdq import write_qdq
from ca_deploy.runtimes.onnx_runtime import OnnxRuntime

RANDOM = np.random.default_rng(0)
UNIT = per_tensor(1 / 256, 0, "uint8")
SIX = asymmetric(0.0, 6.0, "uint8")
WIDE = asymmetric(-8.0, 8.0, "uint8")


def weights(*shape):
    return (RANDOM.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)


CONSTANTS = {
    "w0": weights(8, 3, 3, 3),
    "b0": weights(8),
    "w1": weights(5, 8),
    "b1": weights(5),
    "zero": np.float32(0),
    "six": np.float32(6),
    "three": np.float32(3),
}


def model(*nodes):
    constants = {name: CONSTANTS[name] for node in nodes for name in node.input if name in CONSTANTS}
    graph = helper.make_graph(
        list(nodes),
        "graph",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    return onnx.shape_inference.infer_shapes(made)


def node(kind, inputs, output, **attributes):
    return helper.make_node(kind, inputs.split(), [output], output, **attributes)


CONVOLUTION = node("Conv", "input w0 b0", "c", pads=[1, 1, 1, 1])
NETWORK = (
    CONVOLUTION,
    node("Clip", "c zero six", "x"),
    node("Sigmoid", "x", "g"),
    node("Mul", "x g", "y"),
    node("GlobalAveragePool", "y", "p"),
    node("Flatten", "p", "f"),
    node("Gemm", "f w1 b1", "logits", transB=1),
)
PARAMS = {"input": WIDE, "x": SIX, "g": UNIT, "y": SIX, "p": SIX, "f": SIX, "logits": WIDE}


@pytest.fixture(scope="module")
def network():
    return write_qdq(model(*NETWORK), PARAMS)


def kinds(found):
    return Counter(one.op_type for one in found.graph.node)


def test_the_network_computes_nearly_the_same(network):
    images = np.random.default_rng(1).standard_normal((16, 3, 8, 8)).astype(np.float32)
    exact = OnnxRuntime(model(*NETWORK).SerializeToString()).run(images)[0]
    assert sqnr_db(exact, OnnxRuntime(network.SerializeToString()).run(images)[0]) > 25


def test_onnx_runtime_computes_every_operator_with_integers(network, tmp_path):
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    options.log_severity_level = 3
    onnxruntime.InferenceSession(network.SerializeToString(), options, providers=["CPUExecutionProvider"])
    found = kinds(onnx.load(options.optimized_model_filepath))
    assert (found["QuantizeLinear"], found["DequantizeLinear"]) == (1, 1)  # the float32 interface
    assert found.keys() >= {
        "QLinearConv",
        "QLinearSigmoid",
        "QLinearMul",
        "QLinearGlobalAveragePool",
        "QGemm",
    }


def test_the_interface_stays_float32(network):
    given, result = network.graph.input[0], network.graph.output[0]
    assert (given.name, result.name) == ("input", "logits")
    assert {one.type.tensor_type.elem_type for one in (given, result)} == {TensorProto.FLOAT}


def test_weights_are_signed_per_channel_and_biases_fit_the_accumulator(network):
    stored = {one.name: numpy_helper.to_array(one) for one in network.graph.initializer}
    assert stored["c_1_integers"].dtype == np.int8
    assert stored["c_1_scale"].shape == (8,)
    assert stored["c_2_integers"].dtype == np.int32
    np.testing.assert_allclose(stored["c_2_scale"], stored["c_1_scale"] * WIDE.scale[0])


def test_a_clip_that_the_integers_make_is_left_out(network):
    assert "Clip" not in kinds(network)


@pytest.mark.parametrize("held", [WIDE, asymmetric(0.0, 6.1, "uint8")])
def test_a_clip_within_what_the_integers_hold_stays(held):
    nodes = (CONVOLUTION, node("Clip", "c zero six", "logits"))
    assert "Clip" in kinds(write_qdq(model(*nodes), {"input": WIDE, "logits": held}))


def test_a_clip_of_what_something_else_reads_stays():
    nodes = (CONVOLUTION, node("Clip", "c zero six", "x"), node("Add", "c x", "logits"))
    assert "Clip" in kinds(write_qdq(model(*nodes), {"input": WIDE, "x": SIX, "logits": WIDE}))


def test_a_number_beside_integers_is_one_of_them():
    found = write_qdq(model(node("Add", "input three", "logits")), {"input": WIDE, "logits": WIDE})
    stored = {one.name: numpy_helper.to_array(one) for one in found.graph.initializer}
    assert stored["logits_1_integers"].dtype == np.uint8
    assert stored["logits_1_integers"] * stored["logits_1_scale"] == 3


def test_the_given_model_stays_as_it_is():
    given = model(*NETWORK)
    before = given.SerializeToString()
    write_qdq(given, PARAMS)
    assert given.SerializeToString() == before


def test_the_biases_of_channels_with_tiny_weights_are_kept(monkeypatch):
    tiny = CONSTANTS["w0"].copy()
    tiny[0], tiny[1] = 0.0, 1e-12
    monkeypatch.setitem(CONSTANTS, "w0", tiny)
    monkeypatch.setitem(CONSTANTS, "b0", np.array([4, -4, 1, 1, 1, 1, 1, 1], np.float32))
    given = model(CONVOLUTION, node("Clip", "c zero six", "x"), node("Add", "c x", "logits"))
    written = write_qdq(given, {"input": WIDE, "c": WIDE, "x": SIX, "logits": WIDE})
    images = np.random.default_rng(1).standard_normal((2, 3, 8, 8)).astype(np.float32)
    exact, found = (OnnxRuntime(one.SerializeToString()).run(images)[0] for one in (given, written))
    assert np.abs(exact - found)[:, :2].max() < 0.2  # clipped at int32's end the bias would be 4 off


def test_a_result_that_is_read_inside_too_keeps_its_name():
    network = model(CONVOLUTION, node("Sigmoid", "c", "logits"))
    network.graph.output.append(helper.make_tensor_value_info("c", TensorProto.FLOAT, None))
    written = write_qdq(network, {"input": WIDE, "c": WIDE, "logits": UNIT})
    image = RANDOM.standard_normal((1, 3, 8, 8)).astype(np.float32)
    logits, inner = OnnxRuntime(written.SerializeToString()).run(image)
    assert np.abs(logits - 1 / (1 + np.exp(-inner))).max() <= 0.51 / 256
