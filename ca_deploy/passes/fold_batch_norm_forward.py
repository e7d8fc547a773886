"""Batch normalization ahead of a convolution or linear layer, folded into it."""

from __future__ import annotations

from torch import Tensor
from torch.fx import Node

from ca_deploy.passes.graph import source
from ca_deploy.passes.layers import BATCH_NORM, Layer, affine, layer, scaled_inputs
from ca_deploy.passes.protocol import NodePass, Refusal, refuse


class FoldBatchNormForward(NodePass):
    """W * (s·x + t) + b = (W·s) * x + (b + Σ W·t), s and t of each input channel, Σ over channels and kernel.

    Holds where every output sees a whole kernel of real inputs: without padding, which would be zeros
    behind the normalization and -t/s ahead of it, or where t = 0. Left alone: padded and transposed
    convolutions, statistics of the batch, and a normalization that something else reads.
    """

    name = "fold batch normalization into the layer after it"
    targets = BATCH_NORM

    def rewrite(self, node: Node) -> Node | Refusal | None:
        """The normalization's input; the layer behind it is replaced by one with folded parameters."""
        fixed = affine(node)
        if isinstance(fixed, str):
            return refuse(node, fixed)
        scale, shift = fixed
        user = next(iter(node.users))
        after = layer(user)
        if after is None or user.args[0] is not node:
            return refuse(node, "no convolution or linear layer stands beside it")
        if len(node.users) > 1:
            return refuse(node, "the layer after it is not its only reader")
        if after.transposed:
            return refuse(
                node, "the layer after it is a transposed convolution, whose borders see fewer inputs"
            )
        if after.padded and bool(shift.any()):
            return refuse(node, "the layer after it pads with zeros, which the normalization would shift")
        user.replace_all_uses_with(_absorbing(after, user, source(node), scale, shift))
        return source(node)


def _absorbing(after: Layer, user: Node, given: Node, scale: Tensor, shift: Tensor) -> Node:
    """The layer that reads `given` and scales and shifts it by itself."""
    shifts = scaled_inputs(after.weight, shift, after.groups).flatten(1).sum(1)
    bias = shifts if after.bias is None else after.bias + shifts
    return after.rebuilt(user, scaled_inputs(after.weight, scale, after.groups), bias, given)
