from __future__ import annotations

import numpy as np
import pytest
from onnx import helper

from ca_deploy.metrics import sqnr_db
from ca_deploy.quantization.tflite_model import TFLiteModel
from ca_deploy.quantization.weight_correction import correct_weight_errors
from ca_deploy.quantization.weight_only import convert_weight_int8
from ca_deploy.runtimes.litert import LiteRT


def test_where_all_is_linear_every_mean_is_kept(to_tflite, images):
    random = np.random.default_rng(0)
    nodes = [
        helper.make_node("Conv", ["input", "w0", "b0"], ["x"]),
        helper.make_node("Conv", ["x", "w1", "b1"], ["y"], group=8),
        helper.make_node("Conv", ["y", "w2", "b2"], ["logits"], group=2),
    ]
    shapes = {"w0": (8, 3, 1, 1), "b0": (8,), "w1": (8, 1, 1, 1), "b1": (8,), "w2": (8, 4, 1, 1), "b2": (8,)}
    data = to_tflite(
        nodes, {name: random.standard_normal(of).astype(np.float32) for name, of in shapes.items()}
    )
    corrected = correct_weight_errors(data, {}, [images[:9], images[9:]], 2)
    exact, plain, kept = (
        LiteRT(file).run(images)[0].mean((0, 1, 2), dtype=np.float64)
        for file in (data, convert_weight_int8(data), convert_weight_int8(corrected))
    )
    assert np.abs(plain - exact).max() > 1e-4
    np.testing.assert_allclose(kept, exact, atol=1e-6)


def test_behind_gates_and_clips_outputs_come_closer(gated, images):
    expected = LiteRT(gated).run(images)[0]
    corrected = convert_weight_int8(correct_weight_errors(gated, {}, [images], 1))
    plain, better = (
        sqnr_db(expected, LiteRT(data).run(images)[0]) for data in (convert_weight_int8(gated), corrected)
    )
    assert better > plain + 1


@pytest.fixture(scope="module")
def depthwise(to_tflite):
    """A depthwise convolution behind a PAD."""
    random = np.random.default_rng(0)
    nodes = [
        helper.make_node("Conv", ["input", "w", "b"], ["logits"], pads=[1] * 4, strides=[2, 2], group=3),
    ]
    weights = {"w": random.standard_normal((6, 1, 3, 3)).astype(np.float32), "b": np.ones(6, np.float32)}
    data = to_tflite(nodes, weights)
    assert "PAD" in map(TFLiteModel(data).kind, TFLiteModel(data).operators)
    return data


def flat(mean):
    """An image that is the same everywhere."""
    return np.broadcast_to(mean.astype(np.float32)[:, None, None], (1, 3, 8, 8))


def test_a_stated_mean_says_as_much_as_images_that_are_the_same_everywhere_borders_included(depthwise):
    mean = np.array([1.0, -2.0, 3.0])
    measured, stated, otherwise = (
        correct_weight_errors(depthwise, means, [flat(seen)], 1)
        for means, seen in (({}, mean), ({"input": mean}, 2 * mean), ({}, 2 * mean))
    )
    assert measured == stated
    assert measured not in (depthwise, otherwise)


def test_a_stated_mean_that_images_contradict_is_measured(depthwise):
    mean = np.array([1.0, -2.0, 3.0])
    measured, stated = (
        correct_weight_errors(depthwise, means, [flat(0.1 * mean)], 1) for means in ({}, {"input": mean})
    )
    assert measured == stated
