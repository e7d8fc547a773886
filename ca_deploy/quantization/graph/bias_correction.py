"""Biases that make up for what rounding does to each channel's mean, on a PyTorch graph."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.fx import GraphModule, Node

from ca_deploy.quantization.bias_correction import matching_shift
from ca_deploy.quantization.graph.execution import constant_of, run
from ca_deploy.quantization.graph.rounding import rounded
from ca_deploy.quantization.graph.stored import fused_clip, layers
from ca_deploy.quantization.parameters import QuantParams
from ca_deploy.quantization.simulation.simulation import rounded_weights


def corrected_graph_biases(
    graph: GraphModule,
    params: Mapping[Node, QuantParams],
    images: NDArray[np.float32],
    exact: Collection[tuple[Node, Node]] = (),
    per_channel_linear: bool = False,
    weights_above: int = 0,
) -> dict[str, Tensor]:
    """Biases by their name in the graph, as `quantization.bias_correction` makes them for a .tflite.

    Args:
        graph: a passed graph, whose layers have constant weights and biases.
        params: of every stored value; what has none is a float.
        images: calibration images (N, C, H, W).
        exact: values and operators that read them unrounded.
        per_channel_linear: see `Scheme`.
        weights_above: layers with fewer weights, or as many, keep them in float.
    """
    inputs = torch.from_numpy(images).contiguous(memory_format=torch.channels_last)  # 3 times as fast
    shifts: dict[str, Tensor] = {}
    means = _float_means(graph, inputs)
    constants = {
        _name(node.args[1]): _stored_weights(node, per_channel_linear, weights_above) for node in means
    }

    def finish(node: Node, value: Any) -> Any:
        clip = fused_clip(node)
        if node in means:
            name = _name(node.args[2])
            if name not in shifts:
                shifts[name] = _shift(_clipped(clip), value, params.get(clip or node), means[node])
            value = value + _along_channels(shifts[name], value)
        return rounded(value, params[node]) if node in params else value

    run(graph, inputs, finish, constants, exact)
    return {name: graph.get_buffer(name) + shift for name, shift in shifts.items()}


def _float_means(graph: GraphModule, images: Tensor) -> dict[Node, Tensor]:
    """Mean of each channel of every layer's output, its clip included."""
    means: dict[Node, Tensor] = {}
    wanted = set(layers(graph))

    def note(node: Node, value: Any) -> Any:
        if node in wanted:
            means[node] = _channel_means(_clipped(fused_clip(node))(value))
        return value

    run(graph, images, note)
    return means


def _shift(
    clip: Callable[[Tensor], Tensor], linear: Tensor, params: QuantParams | None, wanted: Tensor
) -> Tensor:
    """What to add to each channel of `linear` so that it has the wanted mean once clipped and rounded."""

    def reached(shift: Tensor) -> Tensor:
        clipped = clip(linear + _along_channels(shift, linear))
        return _channel_means(clipped if params is None else rounded(clipped, params))

    return matching_shift(wanted, reached)


def _clipped(clip: Node | None) -> Callable[[Tensor], Tensor]:
    if clip is None:
        return lambda values: values
    target: Any = clip.target
    return lambda values: target(values, *clip.args[1:], **clip.kwargs)


def _channel_means(values: Tensor) -> Tensor:
    """Summed in float32 within an image, where float64 takes 30 times as long, and in float64 over images."""
    return values.flatten(2).mean(2).double().mean(0) if values.dim() > 2 else values.double().mean(0)


def _along_channels(shift: Tensor, values: Tensor) -> Tensor:
    return shift.reshape([-1 if axis == 1 else 1 for axis in range(values.dim())])


def _name(parameter: Any) -> str:
    return str(parameter.target)


def _stored_weights(node: Node, per_channel_linear: bool, above: int) -> Tensor:
    """A layer's weights as int8 holds them, where there are more than so many."""
    weights = constant_of(node.args[1])
    assert weights is not None
    if weights.numel() <= above:
        return weights
    return rounded_weights(weights, 0 if weights.dim() > 2 or per_channel_linear else None)
