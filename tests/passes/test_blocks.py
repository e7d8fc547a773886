"""Attention blocks are found by their gates, and cut out whole."""

import pytest
import torch
from pass_support import canonical, example, operators, randomized
from torch import nn

from ca_deploy.networks.attention import ATTENTIONS, CoordinateAttention
from ca_deploy.passes.blocks import attention_blocks, cut_out, gate_products, values_of

SHAPE = (1, 32, 6, 5)


class Net(nn.Module):
    """Two blocks of attention with a convolution between them."""

    def __init__(self, attention):
        super().__init__()
        make = ATTENTIONS[attention]
        self.body = nn.Sequential(make(32), nn.Conv2d(32, 32, 3, padding=1), nn.Hardswish(), make(32))
        randomized(self).eval()

    def forward(self, x):
        return self.body(x)


@pytest.mark.parametrize("attention", ["se", "cbam", "ca"])
def test_each_block_is_found_and_computes_alone_what_it_computes_in_its_place(attention):
    graph = canonical(Net(attention), *SHAPE)
    blocks = attention_blocks(graph)
    assert [block.path for block in blocks] == ["body.0", "body.3"]
    assert blocks[0].signature == blocks[1].signature
    values = values_of(graph, [node for b in blocks for node in (b.source, b.result)], example(*SHAPE))
    for block in blocks:
        alone = cut_out(block)(values[block.source])
        torch.testing.assert_close(alone, values[block.result], rtol=1e-6, atol=1e-6)


def test_blocks_of_other_shapes_differ():
    net = nn.Sequential(CoordinateAttention(32), nn.AvgPool2d(2), CoordinateAttention(32)).eval()
    one, other = attention_blocks(canonical(net, 1, 32, 8, 8))
    assert one.signature != other.signature


def test_blocks_with_other_kernels_or_paddings_differ():
    class Gate(nn.Module):
        def __init__(self, kernel, dilation):
            super().__init__()
            padding = kernel // 2 * dilation
            self.conv = nn.Conv2d(8, 1, kernel, padding=padding, dilation=dilation)

        def forward(self, x):
            return x * self.conv(x).sigmoid()

    kinds = ((3, 1), (7, 1), (3, 2), (3, 1))
    net = nn.Sequential(*(one for kind in kinds for one in (Gate(*kind), nn.ReLU()))).eval()
    found = [block.signature for block in attention_blocks(canonical(net, 1, 8, 9, 9))]
    assert len(set(found)) == 3
    assert found[0] == found[3]


def test_a_network_without_attention_has_no_blocks():
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.SiLU(), nn.Hardswish(), nn.Conv2d(8, 8, 1)).eval()
    assert attention_blocks(canonical(net, 1, 3, 8, 8)) == []


def test_a_gate_that_comes_from_elsewhere_makes_no_block():
    class Side(nn.Module):
        def forward(self, x):
            return x[:, :4] * x.mean((2, 3), keepdim=True)[:, 4:].sigmoid()

    assert attention_blocks(canonical(Side().eval(), 1, 8, 5, 5)) == []


def test_what_one_module_makes_in_several_places_is_left_out():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(8, 8, 1)

        def forward(self, x):
            x = x * self.conv(x.mean((2, 3), keepdim=True)).sigmoid()
            x = x.relu()
            return x * self.conv(x.mean((2, 3), keepdim=True)).sigmoid()

    assert attention_blocks(canonical(Twice().eval(), 1, 8, 5, 5)) == []


def test_the_multiplications_by_gates_are_told_from_others():
    graph = canonical(Net("ca"), *SHAPE)
    products = gate_products(graph, ["body.3"])
    assert len(products) == 2
    assert operators(graph).count("mul") == 4
    assert graph.graph.output_node().args[0] in products
