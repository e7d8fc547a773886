"""ReLU6 channels of a PyTorch graph, scaled."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.fx import GraphModule, Node

from ca_deploy.quantization.clip_scaling import BOUND, scalable_clips, scaled_constants, unscalable_clips
from ca_deploy.quantization.graph.execution import constant_of, run
from ca_deploy.quantization.graph.stored import fused_clip, layers, weighted
from ca_deploy.quantization.scale_paths import Parameter

_aten = torch.ops.aten
_CHANNELS = 1  # their axis

Name = Node | str
"""A computed tensor's node; a constant's name in the graph."""


def scaled_graph_clips(graph: GraphModule, batches: Iterable[NDArray[np.float32]]) -> dict[str, Tensor]:
    """Constants, by name, that scale the channels of every ReLU6 whose readers can undo it.

    See `scaled_constants`.

    Args:
        graph: a passed graph; it stays as it is.
        batches: calibration images (N, 3, H, W); not read where there is nothing to scale.
    """
    network = _Calls(graph)
    found = scalable_clips(network)
    if not found:
        return {}
    highs = _highs(graph, found, batches)
    return {str(name): torch.from_numpy(values) for name, values in scaled_constants(network, highs).items()}


def unscaled_graph_clips(graph: GraphModule) -> tuple[str, ...]:
    """What `scaled_graph_clips` leaves alone, and why, one line each."""
    return tuple(f"{name}: {why}" for name, why in unscalable_clips(_Calls(graph)).items())


def _highs(
    graph: GraphModule, wanted: Collection[Name], batches: Iterable[NDArray[np.float32]]
) -> dict[Name, NDArray[np.float64]]:
    """Largest value of each channel of some tensors over all images."""
    highs: dict[Name, Tensor] = {}

    def note(node: Node, value: Any) -> Any:
        if node in wanted:
            found = value.transpose(0, _CHANNELS).flatten(1).amax(1)
            highs[node] = torch.maximum(highs[node], found) if node in highs else found
        return value

    for batch in batches:
        run(graph, torch.from_numpy(batch), note)
    return {node: found.double().numpy() for node, found in highs.items()}


class _Calls:
    """A graph as a `scale_paths.Network`: computed tensors by their nodes, constants by their names."""

    def __init__(self, graph: GraphModule) -> None:
        self._graph = graph
        self._layers = frozenset(layers(graph))
        self._weighted = frozenset(weighted(graph))
        self._readers: dict[Name, list[tuple[Node, int]]] = {}
        for node in graph.graph.nodes:
            for used in node.all_input_nodes:
                places = [place for place, given in enumerate(node.args) if given is used] or [-1]
                self._readers.setdefault(_name(used), []).extend((node, place) for place in places)

    def clips(self) -> Mapping[Name, Node]:
        found = {fused_clip(node): node for node in self._graph.graph.nodes if node in self._layers}
        return {clip: node for clip, node in found.items() if clip is not None and _is_relu6(clip, node)}

    def outputs(self) -> Collection[Name]:
        return self._graph.graph.output_node().all_input_nodes

    def channels(self, tensor: Name) -> int:
        return _shape(tensor)[_CHANNELS]

    def readers(self, tensor: Name) -> Sequence[tuple[Node, int]]:
        return self._readers.get(tensor, ())

    def read(self, operator: Node) -> Name:
        (first, *_) = operator.args
        assert isinstance(first, Node)
        return first

    def kind(self, operator: Node) -> str:
        return str(operator.target)

    def learned(self, operator: Node) -> tuple[Parameter[Name], Parameter[Name]]:
        weights, bias = operator.args[1:3]
        return Parameter(_name(weights), 0), Parameter(_name(bias), 0)

    def undoing(self, operator: Node, channels: int) -> Parameter[Name] | None:
        if operator not in self._weighted:
            return None
        weights = constant_of(operator.args[1])
        assert weights is not None  # see `weighted`
        groups = operator.args[6] if len(operator.args) > 6 else 1
        axis = 1 if groups == 1 else 0  # a depthwise convolution's channels are where others' outputs are
        alone = groups in (1, channels)
        return Parameter(_name(operator.args[1]), axis) if alone and weights.shape[axis] == channels else None

    def carried(self, operator: Node, place: int, channels: int, carriers: Collection[Name]) -> Name | None:
        if place < 0 or operator.op != "call_function":
            return None
        shapes = [_shape(operator.args[place]), _shape(operator)]
        if any(len(shape) <= _CHANNELS or shape[_CHANNELS] != channels for shape in shapes):
            return None
        return operator if _scales(operator, place, carriers) else None

    def value(self, name: Name) -> NDArray[np.float32]:
        values: NDArray[np.float32] = self._graph.get_buffer(str(name)).numpy()
        return values


def _scales(operator: Node, place: int, carriers: Collection[Name]) -> bool:
    """Whether an operator scales its result's channels as its input's are."""
    args: Any = operator.args
    if operator.target is _aten.mul.Tensor:
        return args[1 - place] not in carriers
    if place != 0:
        return False
    rank = len(_shape(args[0]))
    if operator.target is _aten.mean.dim:
        return all(axis % rank != _CHANNELS for axis in args[1])
    if operator.target is _aten.pad.default:
        mode, beside = (*args[2:], None, None)[:2]
        return len(args[1]) <= 2 * (rank - 2) and mode in (None, "constant") and not beside
    if operator.target is _aten.reshape.default:
        return _shape(args[0])[: _CHANNELS + 1] == _shape(operator)[: _CHANNELS + 1]
    return operator.target is _aten.avg_pool2d.default


def _is_relu6(clip: Node, layer: Node) -> bool:
    return layer.target is not _aten.linear.default and clip.args[1:] == (0.0, BOUND)


def _name(argument: Any) -> Name:
    return str(argument.target) if argument.op == "get_attr" else argument


def _shape(tensor: Any) -> tuple[int, ...]:
    value = tensor.meta.get("val")
    return tuple(value.shape) if isinstance(value, Tensor) else ()
