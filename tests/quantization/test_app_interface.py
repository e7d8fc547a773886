"""Pixels in, scores out: the file behind the new operators is what it was, borders included."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper

from ca_deploy.images.preprocessing import normalise
from ca_deploy.metrics import sqnr_db
from ca_deploy.quantization.app_interface import with_app_interface, without_scores
from ca_deploy.quantization.ranges import measure_ranges
from ca_deploy.quantization.static import quantize_static
from ca_deploy.quantization.tflite_model import TFLiteModel
from ca_deploy.recipe import InputSpec
from ca_deploy.runtimes.litert import LiteRT
from ca_deploy.verify.delegates import check_delegation

SPEC = InputSpec(size=(8, 8), mean=(0.485, 0.456, 0.406), std=(0.229, 0.124, 0.325))


@pytest.fixture(scope="module")
def pixels():
    return np.random.default_rng(3).integers(0, 256, (48, 8, 8, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def normalised(pixels):
    return normalise(pixels, SPEC)


@pytest.fixture(scope="module")
def as_taken(pixels):
    """Pixels as runtimes of ours take images: float32 NCHW."""
    return pixels.transpose(0, 3, 1, 2).astype(np.float32)


@pytest.fixture(scope="module")
def int8(gated, normalised):
    return quantize_static(gated, measure_ranges(gated, [normalised], threads=1))


@pytest.fixture(scope="module")
def uint8(int8):
    return with_app_interface(int8, SPEC.mean, SPEC.std)


def first_map(data, images, kind):
    """The int8 result of the first operator of a kind, on TFLite's own kernels, as stored."""
    runtime = LiteRT(data, xnnpack=False, preserve_tensors=True)
    model = TFLiteModel(data)
    (found, *_) = (int(op.outputs[0]) for op in model.operators if model.kind(op) == kind)
    scale = runtime.tensors[found].quantization.scales[0]
    maps = []
    for image in images:
        runtime.run(image[None])
        maps.append(np.rint(runtime.tensor(found) / scale))
    return np.concatenate(maps)


def test_the_interface_is_pixels_and_scores(uint8):
    runtime = LiteRT(uint8)
    (given,), (result,) = runtime.inputs, runtime.outputs
    assert (given.dtype, given.shape, given.quantization.scales) == (np.uint8, (1, 8, 8, 3), (1.0,))
    assert (result.dtype, result.shape) == (np.float32, (1, 5))
    assert TFLiteModel(uint8).output_names == ["scores"]


def test_nothing_leaves_the_partition(uint8, int8):
    before, after = check_delegation(int8), check_delegation(uint8)
    assert after.nodes == before.nodes + 5
    assert (after.partitions, after.outside) == (1, ())


def test_logits_are_those_of_the_int8_file(uint8, int8, gated, normalised, as_taken):
    (reference,) = LiteRT(gated).run(normalised)
    (expected,) = LiteRT(int8).run(normalised)
    (logits,) = LiteRT(without_scores(uint8)).run(as_taken)
    assert np.mean(expected.argmax(1) == logits.argmax(1)) >= 0.995
    assert abs(sqnr_db(reference, logits) - sqnr_db(reference, expected)) < 0.5


def test_scores_are_the_softmax_of_the_logits(uint8, as_taken):
    (logits,) = LiteRT(without_scores(uint8)).run(as_taken)
    (scores,) = LiteRT(uint8).run(as_taken)
    powers = np.exp(logits - logits.max(1, keepdims=True))
    np.testing.assert_allclose(scores, powers / powers.sum(1, keepdims=True), atol=1e-6)


def test_the_first_convolution_pads_with_what_it_padded_with(uint8, int8, normalised, as_taken):
    expected = first_map(int8, normalised[:8], "CONV_2D")
    found = first_map(uint8, as_taken[:8], "CONV_2D")
    border = np.ones(expected.shape[1:3], bool)
    border[1:-1, 1:-1] = False
    for region in (border, ~border):
        difference = np.abs(found - expected)[:, region]
        assert difference.max() <= 1
        assert np.mean(difference > 0) < 0.01  # pixels between two steps may round to the other


def test_a_float32_file_takes_float32_pixels(gated, normalised, as_taken):
    written = with_app_interface(gated, SPEC.mean, SPEC.std, "float32")
    kinds = [TFLiteModel(written).kind(operator) for operator in TFLiteModel(written).operators]
    assert (kinds[0], kinds[-1]) == ("DEPTHWISE_CONV_2D", "SOFTMAX")
    (expected,), (logits,) = LiteRT(gated).run(normalised), LiteRT(without_scores(written)).run(as_taken)
    assert sqnr_db(expected, logits) > 100


@pytest.mark.parametrize(
    ("nodes", "constants"),
    [
        ([helper.make_node("Conv", ["input", "w"], ["logits"])], {"w": np.ones((4, 3, 1, 1), np.float32)}),
        (
            [
                helper.make_node("GlobalAveragePool", ["input"], ["p"]),
                helper.make_node("Flatten", ["p"], ["f"]),
                helper.make_node("Softmax", ["f"], ["logits"]),
            ],
            {},
        ),
    ],
    ids=["a feature map", "probabilities already"],
)
def test_only_logits_end_in_a_softmax(to_tflite, nodes, constants, as_taken):
    float32 = to_tflite(nodes, constants)
    written = with_app_interface(float32, SPEC.mean, SPEC.std, "float32")
    assert TFLiteModel(written).output_names == ["logits"]
    assert without_scores(written) == TFLiteModel(written).dump()


def test_probabilities_stay_what_they_are_in_int8_too(to_tflite, normalised, as_taken):
    nodes = [
        helper.make_node("GlobalAveragePool", ["input"], ["p"]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("Softmax", ["f"], ["logits"]),
    ]
    float32 = to_tflite(nodes, {})
    int8 = quantize_static(float32, measure_ranges(float32, [normalised], threads=1))
    written = with_app_interface(int8, SPEC.mean, SPEC.std)
    np.testing.assert_array_equal(LiteRT(written).run(as_taken)[0], LiteRT(int8).run(normalised)[0])
