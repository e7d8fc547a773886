import numpy as np
import pytest
import torch
from onnx import helper

from ca_deploy.metrics import sqnr_db
from ca_deploy.quantization.ranges import measure_ranges
from ca_deploy.quantization.simulation import Simulation
from ca_deploy.quantization.simulation.simulation import channels_last
from ca_deploy.quantization.static import quantize_static
from ca_deploy.runtimes.litert import LiteRT


def simulated(data, images, ranges=None):
    simulation = Simulation(data)
    assert simulation.missing == []
    with torch.inference_mode():
        if ranges is None:
            return simulation.run(channels_last(images))[0].numpy()
        rounded = simulation.rounded_constants(ranges), simulation.parameters(ranges)
        return simulation.run(channels_last(images), *rounded)[0].numpy()


def assert_like_litert(data, images):
    """Float32 as the kernels compute it, and int8 to within a few of the output's steps."""
    float32 = LiteRT(data).run(images)[0]
    np.testing.assert_allclose(simulated(data, images), float32, rtol=1e-4, atol=1e-4 * np.abs(float32).max())
    ranges = measure_ranges(data, [images], 1)
    runtime = LiteRT(quantize_static(data, ranges))
    steps = (simulated(data, images, ranges) - runtime.run(images)[0]) / runtime.outputs[
        0
    ].quantization.scales[0]
    assert np.abs(steps).max() < 3
    assert np.sqrt(np.mean(steps**2)) < 0.6


def test_a_gated_network_is_rounded_where_the_kernels_round(gated, images):
    assert_like_litert(gated, images)


def test_rounding_costs_in_the_simulation_what_it_costs_in_the_kernels(gated, images):
    ranges = measure_ranges(gated, [images], 1)
    float32 = LiteRT(gated).run(images)[0]
    real = sqnr_db(float32, LiteRT(quantize_static(gated, ranges)).run(images)[0])
    assert sqnr_db(float32, simulated(gated, images, ranges)) == pytest.approx(real, abs=1.5)


@pytest.mark.parametrize(
    ("kernel", "stride", "pads", "group"),
    [(3, 1, 1, 1), (3, 2, 1, 1), (3, 2, 1, 6), (3, 1, 1, 2), (1, 1, 0, 1), (5, 1, 2, 6)],
)
def test_convolutions_of_any_stride_and_padding(to_tflite, kernel, stride, pads, group):
    random = np.random.default_rng(0)
    weights = random.standard_normal((12, 6 // group, kernel, kernel)).astype(np.float32)
    node = helper.make_node(
        "Conv", ["input", "w", "b"], ["logits"], strides=[stride] * 2, pads=[pads] * 4, group=group
    )
    data = to_tflite([node], {"w": weights, "b": np.ones(12, np.float32)}, shape=(1, 6, 8, 8))
    assert_like_litert(data, random.standard_normal((4, 6, 8, 8)).astype(np.float32))


@pytest.mark.parametrize(
    ("kind", "attributes"),
    [
        ("Abs", {}),
        ("HardSwish", {}),
        ("LeakyRelu", {"alpha": 0.2}),
        ("Tanh", {}),
        ("Gelu", {}),
        ("Gelu", {"approximate": "tanh"}),
    ],
)
def test_activation_functions_of_their_own(to_tflite, images, kind, attributes):
    nodes = [
        helper.make_node(kind, ["input"], ["a"], **attributes),
        helper.make_node("Conv", ["a", "w", "b"], ["logits"]),
    ]
    weights = np.random.default_rng(0).standard_normal((4, 3, 1, 1)).astype(np.float32)
    opset = 20 if kind == "Gelu" else 18
    assert_like_litert(to_tflite(nodes, {"w": weights, "b": np.ones(4, np.float32)}, opset=opset), images)


def test_joined_split_and_pooled_tensors(to_tflite, images):
    nodes = [
        helper.make_node("ReduceMax", ["input", "channels"], ["m"], keepdims=1),
        helper.make_node("Concat", ["input", "m"], ["four"], axis=1),
        helper.make_node("Split", ["four"], ["one", "other"], axis=1, num_outputs=2),
        helper.make_node("Sub", ["one", "other"], ["d"]),
        helper.make_node("MaxPool", ["d"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Reshape", ["p", "shape"], ["logits"]),
    ]
    data = to_tflite(nodes, {"channels": np.array([1]), "shape": np.array([1, 32])})
    assert_like_litert(data, images)
