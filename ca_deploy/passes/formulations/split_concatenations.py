"""What is joined, treated position by position and taken apart again need not be joined."""

from __future__ import annotations

import operator

import torch
from torch.fx import Node

from ca_deploy.passes.formulations.pointwise import is_pointwise, same_call
from ca_deploy.passes.graph import bound, shape, source
from ca_deploy.passes.protocol import NodePass, Refusal, refuse

_aten = torch.ops.aten


class SplitConcatenations(NodePass):
    """split(f(concat(a, b)))_i = f(a), f(b), for f pointwise and the split where the parts were joined.

    Coordinate attention's shared convolution, normalization and h_swish run on both pooled tensors that way,
    without a concatenation and a split (which several runtimes do not take in int8). Left alone: a
    split elsewhere than at the joints, and values between that something else reads.
    """

    name = "treat the parts of a concatenation apart"
    targets = frozenset({operator.getitem})

    def rewrite(self, node: Node) -> Node | Refusal | None:
        """The pointwise operators on one part."""
        split = source(node)
        if split.target is not _aten.split_with_sizes.default:
            return None
        values = bound(split)
        between: list[Node] = []
        joined = source(split)
        while is_pointwise(joined):
            between.append(joined)
            joined = source(joined)
        if joined.target is not _aten.cat.default:
            return None
        axis = values["dim"] % len(shape(joined))
        if bound(joined)["dim"] % len(shape(joined)) != axis or axis < 2:
            return refuse(node, "joined along another axis than it is split along")
        if any(len(one.users) > 1 for one in (*between, joined)):
            return refuse(node, "something else reads the joined tensor")
        parts: list[Node] = list(bound(joined)["tensors"])
        if [shape(part)[axis] for part in parts] != list(values["split_sizes"]):
            return refuse(node, "split elsewhere than where it was joined")
        index = node.args[1]
        assert isinstance(index, int)
        part = parts[index]
        for one in reversed(between):
            part = same_call(one, part, node)
        return part
