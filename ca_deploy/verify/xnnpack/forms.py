"""Questions about the form of a node that XNNPACK's conditions turn on."""

from __future__ import annotations

from collections.abc import Callable

from ai_edge_litert.schema_py_generated import ActivationFunctionType

from ca_deploy.verify.node_facts import NodeFacts, Operand

Question = Callable[[NodeFacts], bool]


def always(node: NodeFacts) -> bool:
    """Yes: no form of the operator is taken."""
    return True


def fuses_tanh(node: NodeFacts) -> bool:
    """A fused activation that is no clamp."""
    no_clamp = (ActivationFunctionType.TANH, ActivationFunctionType.SIGN_BIT)
    return node.options.get("fusedActivationFunction") in no_clamp


def has_rank_over_6(node: NodeFacts) -> bool:
    """A computed tensor of more than 6 dimensions."""
    return any(len(o.shape) > 6 for o in (*node.computed, *node.outputs))


def computes_input(position: int) -> Question:
    """The input at this position is computed rather than a constant of the file."""

    def asks(node: NodeFacts) -> bool:
        operand = node.inputs[position] if position < len(node.inputs) else None
        return operand is not None and not operand.constant

    return asks


def inputs_outside(fewest: int, most: int) -> Question:
    """Fewer or more inputs."""
    return lambda node: not fewest <= len(node.inputs) <= most


def outputs_outside(fewest: int, most: int) -> Question:
    """Fewer or more outputs."""
    return lambda node: not fewest <= len(node.outputs) <= most


def adds_far_scales(node: NodeFacts) -> bool:
    """A sum whose input scale over output scale leaves [2^-10, 2^8)."""
    return any(not 2**-10 <= _scale(i) / _scale(node.outputs[0]) < 2**8 for i in node.inputs)


def multiplies_far_scales(node: NodeFacts) -> bool:
    """A product whose input scales' product over output scale leaves [2^-16, 2^8)."""
    ratio = _scale(node.inputs[0]) * _scale(node.inputs[1]) / _scale(node.outputs[0])
    return not 2**-16 <= ratio < 2**8


def requantizes(node: NodeFacts) -> bool:
    """Output quantized otherwise than the input."""
    first = node.inputs[0]
    return first is not None and first.quantization != node.outputs[0].quantization


def shifts_second_input(node: NodeFacts) -> bool:
    """A second operand whose zero point is not 0."""
    second = node.inputs[1]
    return bool(second and second.quantization and any(second.quantization.zero_points))


def strides(node: NodeFacts) -> bool:
    """A STRIDED_SLICE that leaves elements out between those that it takes."""
    steps = node.inputs[3]
    return steps is None or steps.value is None or bool((steps.value != 1).any())


def changes_rank(node: NodeFacts) -> bool:
    """A STRIDED_SLICE that drops or adds an axis."""
    return bool(node.options["shrinkAxisMask"] or node.options["newAxisMask"])


def skips(node: NodeFacts) -> bool:
    """A pool whose windows leave gaps."""
    o = node.options
    return bool(o["strideH"] > o["filterHeight"] or o["strideW"] > o["filterWidth"])


def reduces_other_than_width(node: NodeFacts) -> bool:
    """A reduction over axes other than (1, 2) or 2 of an NHWC tensor."""
    axes = node.inputs[1]
    return axes is None or axes.value is None or sorted(axes.value.tolist()) not in ([1, 2], [2])


def has_channel_scales(node: NodeFacts) -> bool:
    """Weights, the second input, with a scale for each channel."""
    weights = node.inputs[1]
    return bool(weights and weights.quantization and len(weights.quantization.scales) > 1)


def _scale(operand: Operand | None) -> float:
    return operand.quantization.scales[0] if operand and operand.quantization else 1.0
