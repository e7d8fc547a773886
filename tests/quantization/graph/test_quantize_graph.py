"""The int8 form of a graph: which values are stored, with which parameters, and what its biases become."""

import numpy as np
import pytest
import torch
from small_graphs import Gated, graph_of
from torch import nn

from ca_deploy.errors import UserError
from ca_deploy.progress import Silent
from ca_deploy.quantization.calibration import Calibration
from ca_deploy.quantization.calibration_set import ImageSet
from ca_deploy.quantization.graph.execution import run
from ca_deploy.quantization.graph.parameters import Scheme
from ca_deploy.quantization.graph.quantize import quantize_graph, quantize_weights
from ca_deploy.quantization.graph.rounding import rounded
from ca_deploy.quantization.parameters import asymmetric
from ca_deploy.quantization.simulation.simulation import rounded_weights


@pytest.fixture(scope="module")
def images():
    pixels = np.random.default_rng(1).standard_normal((24, 3, 8, 8)).astype(np.float32)
    return Calibration(ImageSet(tuple(map(str, range(24))), tuple(pixels), spec=None))


@pytest.fixture(scope="module")
def gated():
    return graph_of(Gated())


@pytest.fixture(scope="module")
def quantized(gated, images):
    return quantize_graph(gated, images, Scheme("uint8"), "balanced", Silent())


def test_every_value_is_stored_but_what_a_clip_follows(gated, quantized):
    calls = [node.name for node in gated.graph.nodes if node.op in ("placeholder", "call_function")]
    (clip,) = gated.graph.find_nodes(op="call_function", target=torch.ops.aten.hardtanh.default)
    assert set(calls) - quantized.params.keys() == {clip.args[0].name}


def test_a_sigmoid_and_a_clip_fill_the_integers(gated, quantized):
    def held(target):
        (node,) = gated.graph.find_nodes(op="call_function", target=target)
        return quantized.params[node.name]

    gate = held(torch.ops.aten.sigmoid.default)
    assert (float(gate.scale[0]), int(gate.zero_point[0])) == (1 / 256, 0)
    clipped = held(torch.ops.aten.hardtanh.default)
    assert int(clipped.zero_point[0]) == 0
    assert float(clipped.scale[0]) * 255 <= 6


def test_what_only_moves_keeps_its_parameters(images):
    class Moved(nn.Module):
        def forward(self, x):
            return torch.cat([x.reshape(1, 3, 64), 3 * x.reshape(1, 3, 64)], 2)

    params = quantize_graph(graph_of(Moved()), images, Scheme(), "fast", Silent()).params
    assert len({(float(held.scale[0]), int(held.zero_point[0])) for held in params.values()}) == 1


def test_symmetric_activations_have_their_zero_at_zero_and_use_every_step(gated, images):
    params = quantize_graph(gated, images, Scheme("int8", symmetric=True), "fast", Silent()).params
    assert {int(held.zero_point[0]) for held in params.values()} == {0}
    (clip,) = gated.graph.find_nodes(op="call_function", target=torch.ops.aten.hardtanh.default)
    (gate,) = gated.graph.find_nodes(op="call_function", target=torch.ops.aten.sigmoid.default)
    assert {params[node.name].dtype for node in (clip, gate)} == {"uint8"}
    (given,) = gated.graph.find_nodes(op="placeholder")
    assert params[given.name].dtype == "int8"


@pytest.mark.parametrize(("per_channel_linear", "classifier"), [(False, None), (True, 0)])
def test_corrected_biases_restore_the_means_of_channels(gated, images, per_channel_linear, classifier):
    """Of the logits, as integers hold them: the last layer is corrected for all that lies ahead of it."""
    scheme = Scheme("uint8", per_channel_linear=per_channel_linear)
    quantized = quantize_graph(gated, images, scheme, "balanced", Silent())
    weights = {
        f"{name}.weight": rounded_weights(gated.get_buffer(f"{name}.weight"), axis)
        for name, axis in {"first": 0, "squeeze": 0, "excite": 0, "classifier": classifier}.items()
    }

    def means(graph):
        def finish(node, value):
            return rounded(value, quantized.params[node.name]) if node.name in quantized.params else value

        return run(graph, torch.from_numpy(images.images.first(24)), finish, weights)[0].mean(0)

    with torch.no_grad():
        wanted = gated_means(gated, images)
        assert (means(quantized.graph) - wanted).abs().max() < (means(gated) - wanted).abs().max() / 2


def gated_means(graph, images):
    return run(graph, torch.from_numpy(images.images.first(24)), lambda _, value: value)[0].mean(0)


def test_biases_make_up_for_weights_that_are_rounded_alone(gated, images):
    quantized = quantize_weights(gated, images, "balanced", weights_above=150)
    assert quantized.params == {}
    large = {"first.weight": rounded_weights(gated.get_buffer("first.weight"), 0)}  # the others: 128 or fewer

    def means(graph):
        return run(graph, torch.from_numpy(images.images.first(24)), lambda _, value: value, large)[0].mean(0)

    with torch.no_grad():
        wanted = gated_means(gated, images)
        assert (means(quantized.graph) - wanted).abs().max() < (means(gated) - wanted).abs().max() / 2
    assert quantize_weights(gated, images, "fast", weights_above=150).graph is gated


def test_the_given_graph_stays_as_it_is(images):
    graph = graph_of(Gated())
    before = {name: tensor.clone() for name, tensor in graph.named_buffers()}
    changed = quantize_graph(graph, images, Scheme(), "balanced", Silent()).graph
    assert all(torch.equal(before[name], tensor) for name, tensor in graph.named_buffers())
    assert any(not torch.equal(before[name], tensor) for name, tensor in changed.named_buffers())


def test_images_that_flow_into_one_another_are_measured_one_by_one(images):
    class Across(nn.Module):
        def forward(self, x):
            return x.mean((2, 3)) - x.mean((0, 2, 3))

    found = quantize_graph(graph_of(Across()), images, Scheme(), "balanced", Silent())
    assert found.warnings == (
        "biases are not corrected: the network's outputs for one image depend on the others",
    )
    output = found.params[found.graph.graph.output_node().args[0].name]
    assert output.same_as(asymmetric(0.0, 0.0))  # alone, an image minus itself is zero


def test_what_is_stored_must_be_finite(images):
    class Logarithm(nn.Module):
        def forward(self, x):
            return torch.log(torch.relu(x)).exp().mean((2, 3))

    with pytest.raises(UserError, match="log: NaN or infinite on a calibration image"):
        quantize_graph(graph_of(Logarithm()), images, Scheme("uint8"), "fast", Silent())
