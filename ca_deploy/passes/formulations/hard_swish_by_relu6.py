"""h_swish from operators that every int8 runtime takes."""

from __future__ import annotations

import torch
from torch.fx import Node

from ca_deploy.passes.graph import add_call, source
from ca_deploy.passes.layers import Layer, layer
from ca_deploy.passes.protocol import NodePass, Refusal, refuse

_aten = torch.ops.aten


class HardSwishByRelu6(NodePass):
    """W * h_swish(x) + b = (W / 6) * (x · relu6(x + 3)) + b.

    h_swish(x) = x · relu6(x + 3) / 6 (Howard et al., ICCV 2019, section 5.2). The addition takes the ReLU6
    as its fused activation, and the sixth goes into the weights of the layers behind. Left alone: an h_swish
    that something else than a convolution or linear layer reads.
    """

    name = "write h_swish with a fused relu6"
    targets = frozenset({_aten.hardswish.default})

    def rewrite(self, node: Node) -> Node | Refusal | None:
        """Six times h_swish; the layers behind it are replaced by ones with a sixth of the weights."""
        readers = [_reader(user, node) for user in node.users]
        if not all(readers):
            return refuse(node, "something else than a layer reads it, so the sixth has no weights to go to")
        for found in filter(None, readers):
            bias = found.weight.new_zeros(found.weight.shape[0]) if found.bias is None else found.bias
            found.node.replace_all_uses_with(found.rebuilt(found.node, found.weight / 6, bias))
        x = source(node)
        clipped = add_call(
            node,
            _aten.hardtanh.default,
            add_call(node, _aten.add.Tensor, x, 3.0, like=node),
            0.0,
            6.0,
            like=node,
        )
        return add_call(node, _aten.mul.Tensor, x, clipped, like=node)


def _reader(user: Node, value: Node) -> Layer | None:
    """The layer that reads `value` as its input, if `user` is one whose weights can be scaled."""
    found = layer(user)
    return found if found and not found.transposed and user.args[0] is value else None
