import numpy as np
import pytest
from onnx import helper

from ca_deploy.metrics import sqnr_db
from ca_deploy.quantization.ranges import measure_highs
from ca_deploy.quantization.scale_paths import undoing_weights
from ca_deploy.quantization.simulation.operators import fused_activation
from ca_deploy.quantization.tflite_clips import _Operators, scaled_clips, unscaled_clips
from ca_deploy.quantization.tflite_model import TFLiteModel
from ca_deploy.runtimes.litert import LiteRT

RELU6 = 3  # schema.fbs: ActivationFunctionType


def clipped(data):
    model = TFLiteModel(data)
    return [int(op.outputs[0]) for op in model.operators if fused_activation(op) == RELU6]


def weights(*shape):
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def test_gates_and_means_carry_the_scale_to_the_layers_that_undo_it(gated):
    model = TFLiteModel(gated)
    (source,) = clipped(gated)
    undoing = undoing_weights(_Operators(model), source)
    assert sorted(model.constant(one.name).shape for one in undoing) == [(5, 16), (8, 1, 1, 16)]


def test_channels_grow_and_the_network_stays_the_same_below_the_bound(gated, images):
    small = images / 4
    assert unscaled_clips(gated) == ()
    scaled = scaled_clips(gated, lambda: [small], 2)
    before, after = (
        measure_highs(data, clipped(data), [small], 1)[clipped(data)[0]] for data in (gated, scaled)
    )
    np.testing.assert_allclose(after / before, np.clip(6 / (1.5 * before), 1, 2), rtol=1e-4)
    assert (after / before).max() > 1.5
    np.testing.assert_allclose(LiteRT(scaled).run(small)[0], LiteRT(gated).run(small)[0], atol=1e-4)


def test_what_reaches_the_bound_is_left_alone(gated, images):
    large = 20 * images
    scaled = scaled_clips(gated, lambda: [large], 1)
    np.testing.assert_array_equal(LiteRT(scaled).run(images)[0], LiteRT(gated).run(images)[0])


def test_a_depthwise_convolution_undoes_one_scale_and_takes_another(to_tflite, images):
    nodes = [
        helper.make_node("Conv", ["input", "w0", "b0"], ["c0"]),
        helper.make_node("Clip", ["c0", "zero", "six"], ["x"]),
        helper.make_node("Conv", ["x", "w1", "b1"], ["c1"], group=8, pads=[1, 1, 1, 1]),
        helper.make_node("Clip", ["c1", "zero", "six"], ["y"]),
        helper.make_node("Conv", ["y", "w2"], ["logits"]),
    ]
    constants = {
        "w0": weights(8, 3, 1, 1) / 4,
        "b0": weights(8) / 4,
        "w1": weights(8, 1, 3, 3) / 4,
        "b1": weights(8) / 8,
        "w2": weights(4, 8, 1, 1),
        "zero": np.float32(0),
        "six": np.float32(6),
    }
    data = to_tflite(nodes, constants)
    scaled = scaled_clips(data, lambda: [images], 1)
    assert len(clipped(data)) == 2
    for index in clipped(data):
        before, after = (measure_highs(file, [index], [images], 1)[index] for file in (data, scaled))
        assert (after >= before * 0.999).all()
        assert (after > before * 1.2).any()
    assert sqnr_db(LiteRT(data).run(images)[0], LiteRT(scaled).run(images)[0]) > 80


@pytest.mark.parametrize(
    ("nodes", "outputs", "reason"),
    [
        ([helper.make_node("Conv", ["x", "w2"], ["logits"])], ("logits", "x"), "the network's caller"),
        ([helper.make_node("Sigmoid", ["x"], ["logits"])], ("logits",), "LOGISTIC reads it"),
        ([helper.make_node("Mul", ["x", "x"], ["logits"])], ("logits",), "MUL reads it"),
        ([helper.make_node("ReduceMean", ["x", "channels"], ["logits"])], ("logits",), "MEAN reads it"),
    ],
    ids=["output", "sigmoid", "square", "mean over channels"],
)
def test_what_cannot_be_undone_is_refused_with_the_reason(to_tflite, nodes, outputs, reason):
    nodes = [
        helper.make_node("Conv", ["input", "w0", "b0"], ["c0"]),
        helper.make_node("Clip", ["c0", "zero", "six"], ["x"]),
        *nodes,
    ]
    constants = {
        "w0": weights(8, 3, 1, 1),
        "b0": weights(8),
        "zero": np.float32(0),
        "six": np.float32(6),
        **({"w2": weights(4, 8, 1, 1)} if "w2" in nodes[-1].input else {}),
        **({"channels": np.array([1])} if "channels" in nodes[-1].input else {}),
    }
    data = to_tflite(nodes, constants, outputs=outputs)
    found = undoing_weights(_Operators(TFLiteModel(data)), clipped(data)[0])
    assert isinstance(found, str)
    assert reason in found
    assert [found in line for line in unscaled_clips(data)] == [True]


def test_a_network_with_nothing_to_scale_is_not_run(to_tflite):
    data = to_tflite([helper.make_node("Conv", ["input", "w"], ["logits"])], {"w": weights(4, 3, 1, 1)})
    assert scaled_clips(data, lambda: pytest.fail("the images were asked for"), 1) == data
