"""Means as convolutions with constant weights."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.fx import Node

from ca_deploy.passes.graph import add_call, add_constant, bound, shape, source
from ca_deploy.passes.protocol import NodePass

_aten = torch.ops.aten


class PoolByConvolution(NodePass):
    """mean(x over H) = depthwise convolution of x with H weights of 1 / H; over channels, 1x1 with 1 / C.

    One value for all weights is 127 steps in int8, so nothing is lost by their rounding. Left alone: means
    over channels and places at once, of other ranks than 4, and those that do not keep their axes.
    """

    name = "pool by convolution"
    targets = frozenset({_aten.mean.dim})

    def rewrite(self, node: Node) -> Node | None:
        """The convolution."""
        given, values = source(node), bound(node)
        axes = {dim % 4 for dim in values["dim"] or ()}
        if len(shape(given)) != 4 or not values["keepdim"] or axes not in ({1}, {2}, {3}, {2, 3}):
            return None
        channels = shape(given)[1]
        if axes == {1}:
            kernel, outputs, groups = (1, 1), 1, 1
        else:
            height, width = (size if axis in axes else 1 for axis, size in enumerate(shape(given)[2:], 2))
            kernel, outputs, groups = (height, width), channels, channels
        weight = _equal_weights(node, (outputs, channels // groups, *kernel))
        weights = add_constant(node, "mean.weight", weight)
        bias = add_constant(node, "mean.bias", weight.new_zeros(outputs))
        pooled = (given, weights, bias, [1, 1], [0, 0], [1, 1], groups)
        return add_call(node, _aten.conv2d.default, *pooled, like=node)


def _equal_weights(node: Node, size: tuple[int, ...]) -> Tensor:
    """Weights that sum up to 1 for each output, in the element type of `node`."""
    inputs = size[1] * size[2] * size[3]
    return torch.full(size, 1 / inputs, dtype=node.meta["val"].dtype)
