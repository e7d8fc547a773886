"""ReLU6 channels of a graph: which are scaled, that every reader undoes it, and why others are not."""

import numpy as np
import pytest
import torch
from small_graphs import Gated, graph_of
from torch import nn
from torch.nn import functional as F

from ca_deploy.metrics import sqnr_db
from ca_deploy.passes.formulations.means_to_pools import MeansToPools
from ca_deploy.quantization.graph.clips import scaled_graph_clips, unscaled_graph_clips
from ca_deploy.quantization.graph.constants import with_constants
from ca_deploy.quantization.graph.execution import run

IMAGES = np.random.default_rng(1).standard_normal((24, 3, 8, 8)).astype(np.float32)
RELU6 = torch.ops.aten.hardtanh.default


class Fused(Gated):
    """The sum ahead of the ReLU6 is part of the convolution's bias."""

    def __init__(self):
        super().__init__()
        nn.init.ones_(self.first.bias)

    def forward(self, x):
        return self.gated(F.relu6(self.first(x)))


class Convolutions(nn.Module):
    """A convolution with ReLU6, and what stands behind it."""

    def __init__(self, behind):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.depthwise, self.last = (
            nn.Conv2d(3, 8, 1),
            nn.Conv2d(8, 8, 3, padding=1, groups=8),
            nn.Conv2d(8, 4, 1),
        )
        self._behind = behind

    def forward(self, x):
        return self._behind(self, F.relu6(self.first(x)))


def scaled(graph, images):
    with torch.no_grad():
        return with_constants(graph, scaled_graph_clips(graph, [images]))


def highs(graph, images):
    """Largest value of each channel of every ReLU6."""
    found = []

    def note(node, value):
        if node.target is RELU6:
            found.append(value.transpose(0, 1).flatten(1).amax(1))
        return value

    with torch.no_grad():
        (outputs,) = run(graph, torch.from_numpy(images), note)
    return found, outputs.numpy()


@pytest.mark.parametrize("passes", [(), (MeansToPools(),)], ids=["means", "pools"])
def test_gates_and_means_carry_the_scale_to_the_layers_that_undo_it(passes):
    graph = graph_of(Fused())
    for step in passes:
        graph = step(graph).graph
    small = IMAGES / 4
    assert unscaled_graph_clips(graph) == ()
    assert set(scaled_graph_clips(graph, [small])) == {
        "first.weight",
        "first.bias",
        "squeeze.weight",
        "classifier.weight",
    }
    ((before,), logits), ((after,), same) = highs(graph, small), highs(scaled(graph, small), small)
    torch.testing.assert_close(after / before, (6 / (1.5 * before)).clamp(1, 2), rtol=1e-4, atol=0)
    assert (after / before).max() > 1.5
    np.testing.assert_allclose(same, logits, atol=1e-4)


def test_a_depthwise_convolution_undoes_one_scale_and_takes_another():
    graph = graph_of(Convolutions(lambda own, x: own.last(F.relu6(own.depthwise(x)))))
    (before, logits), (after, same) = highs(graph, IMAGES), highs(scaled(graph, IMAGES), IMAGES)
    assert len(before) == 2
    for less, more in zip(before, after, strict=True):
        assert (more >= 0.999 * less).all()
        assert (more > 1.2 * less).any()
    assert sqnr_db(logits, same) > 80


def test_what_reaches_the_bound_is_left_alone():
    graph = graph_of(Fused())
    changed = scaled_graph_clips(graph, [20 * IMAGES])
    assert all(torch.equal(values, graph.get_buffer(name)) for name, values in changed.items())


@pytest.mark.parametrize(
    ("behind", "reason"),
    [
        (lambda own, x: x, "the network's caller reads it"),
        (lambda own, x: own.last(torch.sigmoid(x)), "aten.sigmoid.default reads it"),
        (lambda own, x: own.last(x * x), "aten.mul.Tensor reads it"),
        (lambda own, x: own.last(torch.cat([x, x], 3)), "aten.cat.default reads it"),
        (lambda own, x: x.mean(1), "aten.mean.dim reads it"),
        (lambda own, x: own.last(F.pad(x, (1, 1), value=1.0)), "aten.pad.default reads it"),
        (lambda own, x: own.last(x.reshape(1, 8, 16, 4)) + x.reshape(1, 4, 16, 8)[..., :4], "reshape"),
        (lambda own, x: own.last(x) + own.last(torch.sigmoid(own.depthwise(x))), "shares its weights"),
    ],
    ids=["output", "sigmoid", "square", "list", "mean over channels", "ones beside it", "channels", "shared"],
)
def test_what_cannot_be_undone_is_refused_with_the_reason(behind, reason):
    graph = graph_of(Convolutions(behind))
    (line,) = unscaled_graph_clips(graph)
    assert reason in line
    assert scaled_graph_clips(graph, iter(())) == {}  # the images are not asked for
