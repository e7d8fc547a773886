"""Batch normalization behind a convolution or linear layer, folded into it."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.fx import Node

from ca_deploy.passes.channel_means import Normal, mark_normalized
from ca_deploy.passes.graph import bound, constant
from ca_deploy.passes.layers import BATCH_NORM, affine, layer, scaled_outputs
from ca_deploy.passes.protocol import NodePass, Refusal, refuse


class FoldBatchNorm(NodePass):
    """s·(W * x + b) + t = (s·W) * x + (s·b + t), with s and t of each output channel.

    Holds for every padding, stride, dilation and grouping, and for transposed convolutions, because s and t
    act on outputs. Left alone: statistics of the batch (training mode), and a layer that something else
    reads, too.
    """

    name = "fold batch normalization into the layer before it"
    targets = BATCH_NORM

    def rewrite(self, node: Node) -> Node | Refusal | None:
        """The layer with folded parameters."""
        before = layer(node.args[0])
        if before is None:
            return None
        if len(before.node.users) > 1:
            return refuse(node, "the layer before it also feeds something that is not normalized")
        fixed = affine(node)
        if isinstance(fixed, str):
            return refuse(node, fixed)
        scale, shift = fixed
        weight = scaled_outputs(before.weight, scale, before.groups, before.transposed)
        bias = shift if before.bias is None else before.bias * scale + shift
        folded = before.rebuilt(node, weight, bias)
        mark_normalized(folded, _normal(node, shift))
        return folded


def _normal(batch_norm: Node, shift: Tensor) -> Normal:
    """Mean beta and deviation |gamma|, which are 0 and 1 without them."""
    values = bound(batch_norm)
    gamma, beta = constant(values["weight"]), constant(values["bias"])
    return Normal(
        torch.zeros_like(shift) if beta is None else beta,
        torch.ones_like(shift) if gamma is None else gamma.abs(),
    )
