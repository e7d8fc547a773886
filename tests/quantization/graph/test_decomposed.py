"""The graph with its integers spelled out: what layers read."""

import numpy as np
import pytest
import torch
from small_graphs import graph_of
from torch import nn

from ca_deploy.progress import Silent
from ca_deploy.quantization.calibration import Calibration
from ca_deploy.quantization.calibration_set import ImageSet
from ca_deploy.quantization.graph.decomposed import with_integers
from ca_deploy.quantization.graph.parameters import Scheme
from ca_deploy.quantization.graph.quantize import quantize_graph

CONV = torch.ops.aten.conv2d.default
IMAGES = np.random.default_rng(1).standard_normal((24, 3, 8, 8)).astype(np.float32)


class Twice(nn.Module):
    """One convolution for two tensors of different range; one of its channels is dead but for its bias."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.shared = nn.Conv2d(3, 8, 1)
        with torch.no_grad():
            self.shared.weight[0] = 0
            self.shared.weight[1] = 1e-12
            self.shared.bias[:2] = torch.tensor([4.0, -4.0])

    def forward(self, x):
        return self.shared(x) + self.shared(x.mean(3, keepdim=True))


@pytest.fixture(scope="module")
def integers():
    images = Calibration(ImageSet(tuple(map(str, range(24))), tuple(IMAGES), spec=None))
    return with_integers(quantize_graph(graph_of(Twice()), images, Scheme(), "fast", Silent()))


def test_each_layer_reads_a_bias_of_its_own(integers):
    """ExecuTorch rounds a bias that several read once, with the scale of the first one's input."""
    first, second = (
        node.args[2].target for node in integers.graph.find_nodes(op="call_function", target=CONV)
    )
    assert first != second
    assert torch.equal(integers.get_buffer(first), integers.get_buffer(second))


def test_the_biases_of_channels_with_tiny_weights_fit_the_accumulator(integers):
    for node in integers.graph.find_nodes(op="call_function", target=CONV):
        _, scales, *_ = node.args[1].args
        data_scale = node.args[0].args[1]
        sums = integers.get_buffer(node.args[2].target) / (data_scale * integers.get_buffer(scales.target))
        assert sums.abs().max() <= 2**30 * (1 + 1e-6)
