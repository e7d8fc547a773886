"""Reshapes move behind pointwise operators until they meet their inverse."""

from __future__ import annotations

import torch
from torch.fx import Node

from ca_deploy.passes.formulations.pointwise import POINTWISE, is_pointwise, same_call
from ca_deploy.passes.graph import add_call, shape, source
from ca_deploy.passes.protocol import NodePass

_RESHAPE = torch.ops.aten.reshape.default


class MoveReshapes(NodePass):
    """f(reshape(x)) = reshape(f(x)) and reshape(reshape(x)) = reshape(x), for f pointwise.

    An elementwise f allows any reshape; a 1x1 convolution one that leaves batch and channels (axes 0 and 1)
    alone, since positions keep their order. Coordinate attention turns its pooled width on its side for
    the shared convolution and back: the two meet and are gone.
    """

    name = "move reshapes behind pointwise operators"
    targets = POINTWISE | {_RESHAPE}

    def rewrite(self, node: Node) -> Node | None:
        """The operator ahead of the reshape, or two reshapes in one."""
        turned = node.args[0]
        if not isinstance(turned, Node) or turned.target is not _RESHAPE:
            return None
        given = source(turned)
        if node.target is _RESHAPE:
            same = shape(node) == shape(given)
            return given if same else add_call(node, _RESHAPE, given, list(shape(node)), like=node)
        if len(turned.users) > 1 or not is_pointwise(node) or not _keeps_channels(node, turned, given):
            return None
        return add_call(node, _RESHAPE, same_call(node, given, node), list(shape(node)), like=turned)


def _keeps_channels(node: Node, turned: Node, given: Node) -> bool:
    if node.target is not torch.ops.aten.conv2d.default:
        return True
    return len(shape(given)) == 4 and shape(given)[:2] == shape(turned)[:2]
