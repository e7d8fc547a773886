"""Int8 ONNX in QDQ form: every stored value passes a QuantizeLinear and a DequantizeLinear.

ONNX Runtime and its execution providers (NNAPI, QNN, XNNPACK) read the pairs around an operator as the
integers that it computes with ("Quantize ONNX models" in ONNX Runtime's documentation).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, helper, numpy_helper

from ca_deploy.quantization.parameters import QuantParams, asymmetric, layer_bias, layer_weights, quantize

_CHANNEL_AXIS: dict[str, int | None] = {"Conv": 0, "Gemm": None}
"""Operators with weights and bias as inputs 1 and 2, and the axis that the weights' scales run along; None
for one scale, as in a .tflite."""
_ARITHMETIC = frozenset({"Add", "Sub", "Mul", "Div"})
"""Operators whose constant operands are stored as integers, too."""


def write_qdq(
    model: ModelProto, params: Mapping[str, QuantParams], exact: Collection[tuple[str, str]] = ()
) -> ModelProto:
    """The QDQ form of a float32 model, whose interface stays float32.

    Weights are int8, symmetric, per output channel; biases int32 in units of input scale times weight scale.
    A Clip is left out where the integers behind it cannot hold more than it lets through.

    Args:
        model: float32, with its constants as initializers.
        params: of every value that is stored, by name.
        exact: names of stored values and of results for which they are read as they were before.
    """
    result = ModelProto()
    result.CopyFrom(model)
    constants = {one.name: numpy_helper.to_array(one) for one in model.graph.initializer}
    nodes = list(_Writer(params, constants, exact).nodes(model.graph))
    read = dict.fromkeys(name for node in nodes for name in node.input)
    del result.graph.node[:], result.graph.value_info[:], result.graph.initializer[:]
    result.graph.node.extend(nodes)
    result.graph.initializer.extend(
        numpy_helper.from_array(np.asarray(constants[name]), name) for name in read if name in constants
    )
    result = onnx.shape_inference.infer_shapes(result, strict_mode=True)
    onnx.checker.check_model(result, full_check=True)
    return result


class _Writer:
    """Rewrites nodes in order; adds what they read to `constants`."""

    def __init__(
        self,
        params: Mapping[str, QuantParams],
        constants: dict[str, NDArray[Any]],
        exact: Collection[tuple[str, str]],
    ) -> None:
        self._params = params
        self._constants = constants
        self._reads_exact = exact
        self._results: set[str] = set()

    def nodes(self, graph: onnx.GraphProto) -> Iterator[NodeProto]:
        """All nodes of the QDQ form."""
        self._results = {output.name for output in graph.output}
        for given in graph.input:
            yield from self._through_integers(given.name, given.name, _real(given.name))
        for node in _without_clips(graph, self._params, self._constants):
            yield from self._layer_constants(node) if node.op_type in _CHANNEL_AXIS else self._operands(node)
            node.input[:] = [self._read(name, node) for name in node.input]
            stored = [name for name in node.output if name in self._params]
            node.output[:] = [_exact(name) if name in self._params else name for name in node.output]
            yield node
            for name in stored:
                yield from self._through_integers(name, _exact(name), self._stored(name))

    def _read(self, name: str, node: NodeProto) -> str:
        """The name under which a node reads a value."""
        if name not in self._params:
            return name
        exact = any((name, result) in self._reads_exact for result in node.output)
        return _exact(name) if exact else self._stored(name)

    def _stored(self, name: str) -> str:
        """The name of what a value's integers stand for; a result of the graph keeps its own."""
        return name if name in self._results else _real(name)

    def _through_integers(self, name: str, source: str, result: str) -> Iterator[NodeProto]:
        """QuantizeLinear and DequantizeLinear of `source` with the parameters of `name`."""
        scale, zero = self._stored_params(name, self._params[name])
        integers = f"{name}_integers"
        yield helper.make_node("QuantizeLinear", [source, scale, zero], [integers], f"quantize_{name}")
        yield helper.make_node("DequantizeLinear", [integers, scale, zero], [result], f"dequantize_{name}")

    def _layer_constants(self, node: NodeProto) -> Iterator[NodeProto]:
        """Let a layer read its weights and bias as integers."""
        if any(name not in self._constants for name in node.input[1:]) or node.input[0] not in self._params:
            return
        data = self._params[node.input[0]]
        values, *bias = (self._constants[name] for name in node.input[1:])
        weights = layer_weights(values, _CHANNEL_AXIS[node.op_type], data, bias[0] if bias else None)
        yield self._constant(node, 1, weights)
        if bias:
            yield self._constant(node, 2, layer_bias(data, weights))

    def _operands(self, node: NodeProto) -> Iterator[NodeProto]:
        """Let an arithmetic operator read its constant as integers, of the type of its result's."""
        if node.op_type not in _ARITHMETIC or node.output[0] not in self._params:
            return
        for place, name in enumerate(node.input):
            values = self._constants.get(name)
            if values is not None:
                dtype = self._params[node.output[0]].dtype
                yield self._constant(node, place, asymmetric(float(values.min()), float(values.max()), dtype))

    def _constant(self, node: NodeProto, place: int, params: QuantParams) -> NodeProto:
        """Store a constant as integers and let the node read what they stand for."""
        name, result = node.input[place], f"{node.name}_{place}"
        scale, zero = self._stored_params(result, params)
        self._constants[f"{result}_integers"] = quantize(self._constants[name], params)
        node.input[place] = result
        axis: dict[str, Any] = {"axis": params.axis} if params.scale.size > 1 else {}
        return helper.make_node(
            "DequantizeLinear", [f"{result}_integers", scale, zero], [result], f"dequantize_{result}", **axis
        )

    def _stored_params(self, name: str, params: QuantParams) -> tuple[str, str]:
        """Names of the constants that hold a scale and a zero point."""
        scale, zero = f"{name}_scale", f"{name}_zero_point"
        shape = () if params.scale.size == 1 else params.scale.shape
        self._constants[scale] = params.scale.reshape(shape)
        self._constants[zero] = params.zero_point.astype(params.dtype).reshape(shape)
        return scale, zero


def _without_clips(
    graph: onnx.GraphProto, params: Mapping[str, QuantParams], constants: Mapping[str, NDArray[Any]]
) -> list[NodeProto]:
    """Copies of all nodes but the clips that the integers behind them make; the operator ahead takes over."""
    readers = Counter(name for node in graph.node for name in node.input)
    nodes: list[NodeProto] = []
    makers: dict[str, NodeProto] = {}
    for original in graph.node:
        maker = makers.get(original.input[0])
        saturates = original.op_type in ("Clip", "Relu") and _saturates(original, params, constants)
        if (
            saturates
            and maker is not None
            and original.input[0] not in params
            and readers[original.input[0]] == 1
        ):
            maker.output[0] = original.output[0]
            continue
        node = NodeProto()
        node.CopyFrom(original)
        nodes.append(node)
        makers |= dict.fromkeys(node.output, node)
    return nodes


def _saturates(
    clip: NodeProto, params: Mapping[str, QuantParams], constants: Mapping[str, NDArray[Any]]
) -> bool:
    """Whether the integers that hold a clip's result reach no further than the clip does, by half a step."""
    held = params.get(clip.output[0])
    if held is None:
        return False
    low, high = _bounds(clip, constants)
    info, scale, zero = np.iinfo(held.dtype), float(held.scale[0]), int(held.zero_point[0])
    below = scale * (info.min - zero) >= low - scale / 2
    above = scale * (info.max - zero) <= high + scale / 2
    return below and above


def _bounds(clip: NodeProto, constants: Mapping[str, NDArray[Any]]) -> tuple[float, float]:
    """What a Clip or Relu lets through; nothing, if a bound is computed."""
    if clip.op_type == "Relu":
        return 0.0, math.inf
    low, high = [*clip.input[1:], "", ""][:2]
    return (
        float(constants.get(low, math.inf)) if low else -math.inf,
        float(constants.get(high, -math.inf)) if high else math.inf,
    )


def _real(name: str) -> str:
    """The name of what a value's integers stand for."""
    return f"{name}_real"


def _exact(name: str) -> str:
    """The name of a value before it is rounded."""
    return f"{name}_exact"
