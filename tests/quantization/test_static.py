from collections import Counter

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from onnx import helper

from ca_deploy.errors import UserError
from ca_deploy.metrics import sqnr_db
from ca_deploy.quantization.parameters import asymmetric
from ca_deploy.quantization.ranges import measure_ranges
from ca_deploy.quantization.static import quantize_static
from ca_deploy.quantization.tflite_model import TFLiteModel
from ca_deploy.runtimes.litert import LiteRT


def kinds(data):
    model = TFLiteModel(data)
    return [model.kind(operator) for operator in model.operators]


def outputs(data, images):
    return LiteRT(data).run(images)[0]


@pytest.fixture(scope="module")
def ranges(gated, images):
    return measure_ranges(gated, [images], threads=1)


def test_int8_computes_what_float32_computes(gated, ranges, images):
    written = quantize_static(gated, ranges)
    assert sqnr_db(outputs(gated, images), outputs(written, images)) > 25


def test_everything_is_int8_but_the_lookup(gated, ranges):
    written = quantize_static(gated, ranges)
    before, after = Counter(kinds(gated)), Counter(kinds(written))
    assert after - before == Counter(DEQUANTIZE=1, QUANTIZE=1)
    assert kinds(written)[kinds(written).index("HARD_SWISH") - 1] == "DEQUANTIZE"
    assert kinds(written)[kinds(written).index("HARD_SWISH") + 1] == "QUANTIZE"
    runtime = LiteRT(written)
    assert {info.dtype for info in (*runtime.inputs, *runtime.outputs)} == {np.dtype(np.int8)}


def test_the_ranges_in_the_file_are_the_ranges_that_were_given(gated, ranges):
    original, written = LiteRT(gated), {t.name: t for t in LiteRT(quantize_static(gated, ranges)).tensors}
    fixed = {"LOGISTIC"}
    model = TFLiteModel(gated)
    free = {int(op.outputs[0]) for op in model.operators if model.kind(op) not in fixed} | set(model.inputs)
    checked = 0
    for info in original.tensors:
        stored = written.get(info.name)
        if info.index in free and stored is not None and stored.dtype == np.int8:
            expected = asymmetric(ranges[info.index].low, ranges[info.index].high)
            assert stored.quantization.scales == pytest.approx(expected.scale)
            assert stored.quantization.zero_points == tuple(expected.zero_point)
            checked += 1
    assert checked >= 7


def test_weights_have_one_scale_per_output_channel(gated, ranges):
    for per_channel, count in ((True, 16), (False, 1)):
        written = TFLiteModel(quantize_static(gated, ranges, per_channel=per_channel))
        convolution = next(op for op in written.operators if written.kind(op) == "CONV_2D")
        weights, bias = (written.tensors[int(i)].quantization for i in convolution.inputs[1:])
        assert len(weights.scale) == len(bias.scale) == count
        source = written.tensors[int(convolution.inputs[0])].quantization
        np.testing.assert_allclose(bias.scale, source.scale[0] * np.asarray(weights.scale), rtol=1e-6)


def test_operators_kept_float_stand_between_conversions(gated, ranges, images):
    index = kinds(gated).index("MEAN")
    written = quantize_static(gated, ranges, keep_float=[index])
    place = kinds(written).index("MEAN")
    assert (kinds(written)[place - 1], kinds(written)[place + 1]) == ("DEQUANTIZE", "QUANTIZE")
    assert sqnr_db(outputs(gated, images), outputs(written, images)) > 25


def test_a_model_whose_last_operator_stays_float_still_ends_in_int8(gated, ranges, images):
    written = quantize_static(gated, ranges, keep_float=[len(kinds(gated)) - 1])
    assert kinds(written)[-1] == "QUANTIZE"
    assert LiteRT(written).outputs[0].dtype == np.int8
    assert sqnr_db(outputs(gated, images), outputs(written, images)) > 25


def test_a_bias_too_large_for_int32_widens_its_channel(to_tflite):
    weights = np.zeros((2, 3, 1, 1), np.float32)
    weights[0], weights[1] = 1.0, 1e-8
    nodes = [helper.make_node("Conv", ["input", "w", "b"], ["logits"])]
    data = to_tflite(nodes, {"w": weights, "b": np.array([0.5, 4.0], np.float32)})
    images = np.random.default_rng(0).standard_normal((4, 3, 8, 8)).astype(np.float32)
    written = quantize_static(data, measure_ranges(data, [images], 1))
    error = np.abs(outputs(data, images) - outputs(written, images))
    assert error.max() < 0.05  # clipped at int32's end the bias would be 4.0 off


def with_computed_input(data, place):
    """The same network with an input of its last operator as the sum of that constant and zeros."""
    model = TFLiteModel(data)
    last = model.operators[-1]
    constant = int(last.inputs[place])
    zeros = model.add_constant(constant, "/zeros", np.zeros_like(model.constant(constant)), None)
    computed = model.add_activation(constant, "/computed", None)
    addition = model.new_operator("ADD", 1, constant, computed)
    addition.inputs = [constant, zeros]
    addition.builtinOptionsType = schema.BuiltinOptions.AddOptions
    addition.builtinOptions = schema.AddOptionsT()
    last.inputs = [computed if i == constant else int(i) for i in last.inputs]
    model.operators = [*model.operators[:-1], addition, last]
    return model.dump()


@pytest.mark.parametrize("place", [1, 2], ids=["weights", "bias"])
def test_a_classifier_with_computed_weights_or_bias_stays_float(gated, images, place):
    data = with_computed_input(gated, place)
    written = quantize_static(data, measure_ranges(data, [images], 1))
    assert kinds(written)[-2:] == ["FULLY_CONNECTED", "QUANTIZE"]
    assert sqnr_db(outputs(data, images), outputs(written, images)) > 25


def test_joined_tensors_share_one_scale_and_a_fixed_one_is_converted(to_tflite):
    nodes = [
        helper.make_node("Sigmoid", ["input"], ["gate"]),
        helper.make_node("Concat", ["input", "gate"], ["joined"], axis=1),
        helper.make_node("Reshape", ["joined", "shape"], ["logits"]),
    ]
    data = to_tflite(nodes, {"shape": np.array([1, 6 * 64])})
    images = 3 * np.random.default_rng(0).standard_normal((4, 3, 8, 8)).astype(np.float32)
    written = quantize_static(data, measure_ranges(data, [images], 1))
    assert "QUANTIZE" in kinds(written)  # the gate from sigmoid's own scale to the shared one
    model = TFLiteModel(written)
    join = next(op for op in model.operators if model.kind(op) == "CONCATENATION")
    scales = {float(model.tensors[int(i)].quantization.scale[0]) for i in (*join.inputs, *join.outputs)}
    assert len(scales) == 1
    assert sqnr_db(outputs(data, images), outputs(written, images)) > 35


def test_a_gate_alone_keeps_its_fixed_scale_through_a_reshape(to_tflite, images):
    nodes = [
        helper.make_node("Sigmoid", ["input"], ["gate"]),
        helper.make_node("Reshape", ["gate", "shape"], ["logits"]),
    ]
    data = to_tflite(nodes, {"shape": np.array([1, 192])})
    written = quantize_static(data, measure_ranges(data, [images], 1))
    assert kinds(written) == kinds(data)
    assert LiteRT(written).outputs[0].quantization.scales == (1 / 256,)


@pytest.mark.parametrize(("kinds_behind", "refused"), [(["Log"], True), (["Log", "Exp"], False)])
def test_what_int8_stores_must_be_finite(to_tflite, images, kinds_behind, refused):
    names = ["ramp", *kinds_behind[:-1], "logits"]
    nodes = [helper.make_node("Conv", ["input", "w"], ["c"]), helper.make_node("Relu", ["c"], ["ramp"])]
    nodes += [
        helper.make_node(kind, [before], [after])
        for kind, before, after in zip(kinds_behind, names, names[1:], strict=False)
    ]
    weights = np.random.default_rng(0).standard_normal((4, 3, 1, 1)).astype(np.float32)
    data = TFLiteModel(to_tflite(nodes, {"w": weights})).dump()
    found = measure_ranges(data, [images], 1)
    if refused:
        with pytest.raises(UserError, match="logits: NaN or infinite on a calibration image"):
            quantize_static(data, found)
    else:
        assert np.isinf([of.low for of in found.values()]).any()
        assert np.isfinite(outputs(quantize_static(data, found), images)).all()


@pytest.mark.parametrize("activations", ["int8", "int16"])
def test_a_layer_that_gives_next_to_nothing_can_be_clipped(to_tflite, images, activations):
    constants = {"w": np.full((4, 3, 1, 1), 1e-12, np.float32), "low": np.float32(0), "high": np.float32(6)}
    nodes = [
        helper.make_node("Conv", ["input", "w"], ["c"]),
        helper.make_node("Clip", ["c", "low", "high"], ["logits"]),
    ]
    data = to_tflite(nodes, constants)
    written = quantize_static(data, measure_ranges(data, [images], 1), activations=activations)
    (found,) = LiteRT(written, xnnpack=False).run(images)  # TFLite's own kernels hold the bound as int32
    assert np.abs(found).max() < 1e-8


def test_equal_inputs_give_equal_bytes(gated, ranges):
    assert quantize_static(gated, ranges) == quantize_static(gated, ranges)
