import numpy as np
import pytest
from onnx import helper

from ca_deploy.metrics import sqnr_db
from ca_deploy.quantization.tflite_model import TFLiteModel
from ca_deploy.quantization.weight_only import convert_dynamic_int8, convert_weight_int8
from ca_deploy.runtimes.litert import LiteRT
from ca_deploy.verify.delegates import check_delegation

CONVERTERS = [convert_weight_int8, convert_dynamic_int8]


@pytest.mark.parametrize("convert", CONVERTERS)
def test_weights_are_int8_and_everything_between_is_float32(gated, images, convert):
    written = convert(gated)
    model = TFLiteModel(written)
    stored = {model.dtype(i) for i in range(len(model.tensors)) if model.constant(i) is not None}
    assert np.dtype(np.int8) in stored
    runtime = LiteRT(written)
    assert {info.dtype for info in (*runtime.inputs, *runtime.outputs)} == {np.dtype(np.float32)}
    assert sqnr_db(LiteRT(gated).run(images)[0], runtime.run(images)[0]) > 30
    assert len(written) < len(gated)


@pytest.mark.parametrize("convert", CONVERTERS)
def test_xnnpack_takes_all_of_it(gated, convert, tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(convert(gated))
    found = check_delegation(path)
    assert (found.partitions, found.outside) == (1, ())


@pytest.mark.parametrize("xnnpack", [True, False])
@pytest.mark.parametrize("convert", CONVERTERS)
def test_convolutions_of_every_kind_are_right_in_both_kernels(to_tflite, images, convert, xnnpack):
    random = np.random.default_rng(0)
    node = helper.make_node
    nodes = [
        node("Conv", ["input", "w0"], ["x"], pads=[1] * 4),
        node("Conv", ["x", "w1"], ["y"], group=8),
        node("Conv", ["y", "w2"], ["z"], group=2),
        node("ConvTranspose", ["z", "w3"], ["logits"], strides=[2, 2]),
    ]
    shapes = [(8, 3, 3, 3), (8, 1, 3, 3), (8, 4, 1, 1), (8, 4, 2, 2)]
    weights = {f"w{i}": random.standard_normal(shape).astype(np.float32) for i, shape in enumerate(shapes)}
    data = to_tflite(nodes, weights)
    found = LiteRT(convert(data), xnnpack=xnnpack).run(images)[0]
    assert sqnr_db(LiteRT(data).run(images)[0], found) > 35


def test_convolutions_read_int8_weights_as_they_are_when_inputs_are_rounded(gated):
    model = TFLiteModel(convert_dynamic_int8(gated))
    convolutions = [op for op in model.operators if model.kind(op) in ("CONV_2D", "FULLY_CONNECTED")]
    assert len(convolutions) == 4
    assert all(model.dtype(int(op.inputs[1])) == np.int8 for op in convolutions)
    assert "DEQUANTIZE" not in {model.kind(op) for op in model.operators}
