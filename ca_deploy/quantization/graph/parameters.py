"""Which quantization parameters every stored value of a graph gets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.fx import GraphModule, Node

from ca_deploy.quantization.graph.execution import run
from ca_deploy.quantization.graph.stored import SAME, stored
from ca_deploy.quantization.groups import Groups
from ca_deploy.quantization.parameters import IntName, QuantParams, asymmetric, per_tensor
from ca_deploy.quantization.ranges import Range

_UNIT = frozenset({torch.ops.aten.sigmoid.default, torch.ops.aten.hardsigmoid.default})


@dataclass(frozen=True)
class Scheme:
    """How a runtime stores activations, per tensor in 8 bits, and weights, per output channel.

    Attributes:
        dtype: the integer type.
        symmetric: whether the zero point must be 0. What is never negative is then uint8 and uses all of its
            steps, as in coremltools' own symmetric scheme (`ModuleLinearQuantizerConfig`).
        per_channel_linear: whether linear layers' weights have a scale for each output channel, too, and not
            one for all.
    """

    dtype: IntName = "int8"
    symmetric: bool = False
    per_channel_linear: bool = False

    def spanning(self, span: Range) -> QuantParams:
        """Parameters whose integers span a range."""
        if not self.symmetric:
            return asymmetric(span.low, span.high, self.dtype)
        if span.low >= 0:
            return asymmetric(0.0, span.high, "uint8")
        largest = max(-span.low, span.high)
        return asymmetric(-largest * 128 / 127, largest, self.dtype)

    def unit(self) -> QuantParams:
        """Parameters for what lies between 0 and 1, as sigmoids give it."""
        dtype: IntName = "uint8" if self.symmetric else self.dtype
        return per_tensor(1 / 256, int(np.iinfo(dtype).min), dtype)


def measure_graph_ranges(graph: GraphModule, batches: Iterable[NDArray[np.float32]]) -> dict[Node, Range]:
    """Exact minimum and maximum of every stored value over all images (N, 3, H, W)."""
    wanted = set(stored(graph))
    ranges: dict[Node, Range] = {}

    def note(node: Node, value: Tensor) -> Tensor:
        if node in wanted:
            low, high = torch.aminmax(value)
            found = Range(float(low), float(high))
            ranges[node] = ranges[node].union(found) if node in ranges else found
        return value

    for batch in batches:
        run(graph, torch.from_numpy(batch), note)
    return ranges


def graph_parameters(
    graph: GraphModule, ranges: Mapping[Node, Range], scheme: Scheme
) -> dict[Node, QuantParams]:
    """Parameters of every stored value; values that are only moved share those of what they came from.

    Raises:
        UserError: when one is NaN or infinite.
    """
    groups: Groups[Node] = Groups()
    for node in ranges:
        if node.target in SAME:
            groups.tie([node, *(used for used in _sources(node) if used in ranges)])
    params: dict[Node, QuantParams] = {}
    for members in groups.of(ranges):
        span = ranges[members[0]]
        for member in members[1:]:
            span = span.union(ranges[member])
        span.check_finite(members[0].name)
        unit = any(member.target in _UNIT for member in members) and span.low >= 0 and span.high <= 1
        params |= dict.fromkeys(members, scheme.unit() if unit else scheme.spanning(span))
    return params


def _sources(node: Node) -> list[Node]:
    """What a moving operator moves; an element of a split comes from what was split."""
    return [
        source
        for used in node.all_input_nodes
        for source in (used.all_input_nodes if isinstance(used.meta["val"], list | tuple) else [used])
    ]
