"""Convolutions, linear layers and batch normalizations as values that passes can scale and rebuild."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.fx import Node

from ca_deploy.passes.graph import add_call, add_constant, bound, constant, shape

_aten = torch.ops.aten
CONVOLUTIONS = frozenset(
    {
        _aten.conv1d.default,
        _aten.conv1d.padding,
        _aten.conv2d.default,
        _aten.conv2d.padding,
        _aten.conv3d.default,
        _aten.conv3d.padding,
    }
)
TRANSPOSED_CONVOLUTIONS = frozenset(
    {_aten.conv_transpose1d.default, _aten.conv_transpose2d.input, _aten.conv_transpose3d.input}
)
LINEAR = frozenset({_aten.linear.default})
BATCH_NORM = frozenset({_aten.batch_norm.default})


@dataclass(frozen=True)
class Layer:
    """A call of a convolution, transposed convolution or linear layer whose parameters are constants.

    Attributes:
        node: the call; its input has the channels on axis 1.
        weight: (out, in / groups, *kernel); transposed convolutions (in, out / groups, *kernel).
        bias: (out,) or None.
        groups: number of groups, 1 for a linear layer.
    """

    node: Node
    weight: Tensor
    bias: Tensor | None
    groups: int

    @property
    def transposed(self) -> bool:
        """Whether the convolution is a transposed one."""
        return self.node.target in TRANSPOSED_CONVOLUTIONS

    @property
    def padded(self) -> bool:
        """Whether the input is extended by zeros (a transposed convolution always sees its input so)."""
        padding = bound(self.node).get("padding", "valid")
        if isinstance(padding, str):
            return padding == "same" and any(size > 1 for size in self.weight.shape[2:])
        return self.transposed or any(amount > 0 for amount in padding)

    def rebuilt(self, before: Node, weight: Tensor, bias: Tensor, source: Node | None = None) -> Node:
        """The same call ahead of `before` with other parameters, and another input if `source` is given."""
        values = bound(self.node)
        values["input"] = source or values["input"]
        values["weight"] = add_constant(before, self._sibling("weight"), weight)
        values["bias"] = add_constant(before, self._sibling("bias"), bias)
        return add_call(before, self.node.target, *values.values(), like=self.node)  # type: ignore[arg-type]

    def _sibling(self, name: str) -> str:
        """`features.0.0.bias` beside `features.0.0.weight`."""
        weight = self.node.args[1]
        assert isinstance(weight, Node)
        path = str(weight.target).rpartition(".")[0]
        return f"{path}.{name}" if path else name


def layer(node: object) -> Layer | None:
    """Read a layer; None if `node` is none, its parameters are computed, or channels are not on axis 1."""
    if not isinstance(node, Node) or node.target not in CONVOLUTIONS | TRANSPOSED_CONVOLUTIONS | LINEAR:
        return None
    values = bound(node)
    weight, bias = constant(values["weight"]), constant(values["bias"])
    if weight is None or (bias is None and values["bias"] is not None) or len(shape(node)) != weight.dim():
        return None
    return Layer(node, weight, bias, values.get("groups", 1))


def scaled_outputs(weight: Tensor, scale: Tensor, groups: int, transposed: bool) -> Tensor:
    """`weight` of a layer whose output channel i is to be multiplied by `scale[i]`."""
    kernel = [1] * (weight.dim() - 2)
    if transposed:
        grouped = weight.reshape(groups, weight.shape[0] // groups, *weight.shape[1:])
        return (grouped * scale.reshape(groups, 1, weight.shape[1], *kernel)).reshape(weight.shape)
    return weight * scale.reshape(-1, 1, *kernel)


def scaled_inputs(weight: Tensor, scale: Tensor, groups: int) -> Tensor:
    """`weight` of a layer, not transposed, whose input channel i was to be multiplied by `scale[i]`."""
    grouped = weight.reshape(groups, weight.shape[0] // groups, *weight.shape[1:])
    return (grouped * scale.reshape(groups, 1, weight.shape[1], *[1] * (weight.dim() - 2))).reshape(
        weight.shape
    )


def affine(batch_norm: Node) -> tuple[Tensor, Tensor] | str:
    """Scale and shift, each (channels,), of a batch normalization, or the reason why it has none.

    scale = gamma / sqrt(var + eps), shift = beta - mean * scale (Ioffe and Szegedy, 2015, at inference).
    """
    values = bound(batch_norm)
    if values["training"]:
        return "normalizes by each batch's own statistics, so it is no fixed scale and shift"
    mean, variance = constant(values["running_mean"]), constant(values["running_var"])
    if mean is None or variance is None:
        return "its statistics are computed by the network"
    gamma, beta = constant(values["weight"]), constant(values["bias"])
    scale = torch.rsqrt(variance + values["eps"])
    scale = scale if gamma is None else scale * gamma
    return scale, (-mean * scale if beta is None else beta - mean * scale)
