"""One scale per tensor wastes the channels that use little of it: give them room before quantizing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.fx import GraphModule, Node

from ca_deploy.passes.equalization.channel_ranges import ChannelRange, channel_ranges
from ca_deploy.passes.equalization.streams import Stream, find_streams
from ca_deploy.passes.graph import as_dtype, cleaned, copied
from ca_deploy.passes.layers import Layer, layer, scaled_inputs, scaled_outputs
from ca_deploy.passes.protocol import Rewritten

_POWER = 0.5
"""At 1 every channel fills the range, and then every one clips on images that go beyond the examples."""
_LARGEST = 16.0
"""Bound on a channel's scale, so that one that is nearly always zero does not spoil its readers' weights."""


class EqualizeStreams:
    """A per-channel scale a and offsets s, t move through the layers around a sum, which stays a sum.

    W₂·(x + y) + b₂ = (W₂/a)·(a·(x - s) + a·(y - t)) + (b₂ + Σ W₂·(s + t)), where x = W·u + b and y are
    written by layers, which absorb scale and offset: a·(x - s) = (a·W)·u + a·(b - s). A stream may hold any
    number of sums, and any number of layers may read it. This is cross-layer equalization (Nagel et al., ICCV
    2019, section 4.1) for several writers and readers; the offsets absorb biases as in their section 4.1.3,
    but with no activation function in between, so they are exact.

    s is the middle of each written channel's range on the examples, and 0 for the whole stream where a reader
    pads, because zeros beside the tensor would not move along; a is r^(-1/2) for the largest distance r of a
    channel from that middle. No ReLU6 is ever scaled. Left alone: streams that anything but these layers and
    sums writes or reads.

    Args:
        examples: calibration images of the captured shape, NCHW; they choose a, s and t, and any choice is
            exact.
    """

    name = "equalize residual streams"

    def __init__(self, examples: Sequence[Tensor]) -> None:
        self._examples = examples

    def __call__(self, graph: GraphModule) -> Rewritten:
        """Rescale every stream of `graph`; `count` is the number of streams."""
        edited = copied(graph)
        streams, refusals = find_streams(edited)
        if not streams:
            return Rewritten(graph, 0, tuple(refusals))
        ranges = self._ranges(edited, [node for stream in streams for node in stream.members])
        parameters = _Parameters()
        for stream in streams:
            _equalize(stream, ranges, parameters)
        parameters.install()
        return Rewritten(cleaned(edited), len(streams), tuple(refusals))

    def _ranges(self, graph: GraphModule, nodes: Sequence[Node]) -> dict[Node, ChannelRange]:
        """Ranges of channels on the examples, in float32: they need no more, and it takes half the time."""
        single = as_dtype(graph, torch.float32)
        twins = {node.name: node for node in single.graph.nodes}
        ranges = channel_ranges(single, [twins[node.name] for node in nodes], self._examples)
        return {node: ranges[twins[node.name]] for node in nodes}


class _Parameters:
    """Weights and biases of layers while they change; a layer may write one stream and read another."""

    def __init__(self) -> None:
        self._changed: dict[Node, tuple[Tensor, Tensor]] = {}

    def absorb_output(self, of: Layer, scale: Tensor, offset: Tensor) -> None:
        """Let the layer give scale · (its output - offset)."""
        weight, bias = self._of(of)
        weight = scaled_outputs(weight, scale, of.groups, of.transposed)
        self._changed[of.node] = weight, (bias - offset) * scale

    def absorb_input(self, of: Layer, scale: Tensor, offset: Tensor) -> None:
        """Let the layer take scale · (its input - offset)."""
        weight, bias = self._of(of)
        bias = bias + scaled_inputs(weight, offset, of.groups).flatten(1).sum(1)
        self._changed[of.node] = scaled_inputs(weight, 1 / scale, of.groups), bias

    def install(self) -> None:
        """Put a layer with the new parameters in the place of each changed one."""
        for node, (weight, bias) in self._changed.items():
            old = layer(node)
            assert old is not None
            node.replace_all_uses_with(old.rebuilt(node, weight, bias))

    def _of(self, of: Layer) -> tuple[Tensor, Tensor]:
        bias = of.weight.new_zeros(of.node.meta["val"].shape[1]) if of.bias is None else of.bias
        return self._changed.get(of.node, (of.weight, bias))


def _equalize(stream: Stream, ranges: Mapping[Node, ChannelRange], parameters: _Parameters) -> None:
    offsets = _offsets(stream, ranges)
    distances = [
        torch.maximum(high - offsets[node], offsets[node] - low)
        for node, (low, high) in ranges.items()
        if node in offsets
    ]
    scale = _scale(torch.stack(distances).amax(0))
    for writer in stream.writers:
        dtype = writer.weight.dtype
        parameters.absorb_output(writer, scale.to(dtype), offsets[writer.node].to(dtype))
    for reader in stream.readers:
        source = reader.node.args[0]
        assert isinstance(source, Node)
        dtype = reader.weight.dtype
        parameters.absorb_input(reader, scale.to(dtype), offsets[source].to(dtype))


def _offsets(stream: Stream, ranges: Mapping[Node, ChannelRange]) -> dict[Node, Tensor]:
    """What is taken off each channel of each member: (C,) float64."""
    offsets = {}
    for writer in stream.writers:
        low, high = ranges[writer.node]
        offsets[writer.node] = (low + high) / 2 if stream.keeps_offsets else torch.zeros_like(low)
    for node in stream.sums:
        one, other = node.args
        assert isinstance(one, Node)
        assert isinstance(other, Node)
        offsets[node] = offsets[one] + offsets[other]
    return offsets


def _scale(distance: Tensor) -> Tensor:
    """Scale of each channel, 1 in the geometric mean before the bound: (C,) float64."""
    unused = max(float(distance.max()) / _LARGEST**2, torch.finfo(torch.float32).tiny)
    distance = distance.clamp_min(unused)
    scale = distance**-_POWER
    return (scale / scale.log().mean().exp()).clamp(1 / _LARGEST, _LARGEST)
