"""A mean over whole spatial axes as an average pool with a window of their size."""

from __future__ import annotations

import torch
from torch.fx import Node

from ca_deploy.passes.graph import add_call, bound, shape, source
from ca_deploy.passes.protocol import NodePass

_aten = torch.ops.aten
_SPATIAL = (2, 3)


class MeansToPools(NodePass):
    """mean(x, axes) = avg_pool(x) with windows as long as those axes, 1 along the others.

    ONNX Runtime averages int8 windows as integers; its ReduceMean knows float32 only and would stand between
    a DequantizeLinear and a QuantizeLinear. Left alone: means over channels or images.
    """

    name = "write means as average pools"
    targets = frozenset({_aten.mean.dim})

    def rewrite(self, node: Node) -> Node | None:
        """The pool."""
        values, given = bound(node), source(node)
        if len(shape(given)) != 4 or not values["keepdim"] or not set(values["dim"]) <= set(_SPATIAL):
            return None
        window = [shape(given)[axis] if axis in values["dim"] else 1 for axis in _SPATIAL]
        return add_call(node, _aten.avg_pool2d.default, given, window, like=node)
