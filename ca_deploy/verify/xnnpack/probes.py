"""One-operator models that ask a delegate whether it takes an operator in a certain form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ca_deploy.runtimes import Quantization
from ca_deploy.verify.tflite_graph import TFLiteGraph

# A probe is built for a stored type: `float32` or `int8`.
Probe = Callable[[str], bytes]

IMAGE = (1, 8, 8, 16)
_SCALE = 0.1
_ORDINARY = Quantization((_SCALE,), (3,))
_PROBABILITIES = Quantization((1 / 256,), (-128,))
_WEIGHT_SCALE = 0.02


def one_operator(
    operator: str,
    table: str = "",
    *,
    inputs: Sequence[Sequence[int]] = (IMAGE,),
    outputs: Sequence[Sequence[int]] = (IMAGE,),
    constants: Sequence[Any] = (),
    constants_first: bool = False,
    probabilities: bool = False,
    rescale: float = 1.0,
    **options: Any,
) -> Probe:
    """A probe of an operator over computed tensors and int32 constants.

    Args:
        operator: its TFLite name.
        table: its options table; see `TFLiteGraph.node`.
        inputs: shapes of the computed inputs, which are the model's.
        outputs: shapes of the outputs.
        constants: values of the constant inputs, which come behind the computed ones.
        constants_first: they come before them.
        probabilities: quantized outputs span 0 to 1.
        rescale: scale of quantized outputs over that of the inputs.
        options: fields of the options table.
    """

    def build(dtype: str) -> bytes:
        graph = TFLiteGraph()
        computed = [_activation(graph, shape, dtype, _ORDINARY) for shape in inputs]
        constant = [_constant(graph, value) for value in constants]
        result = _PROBABILITIES if probabilities else Quantization((_SCALE * rescale,), _ORDINARY.zero_points)
        written = [_activation(graph, shape, dtype, result) for shape in outputs]
        read = constant + computed if constants_first else computed + constant
        graph.node(operator, read, written, table, **options)
        return graph.to_bytes(computed, written)

    return build


def weighted(
    operator: str,
    table: str,
    *,
    image: Sequence[int] = IMAGE,
    weights: Sequence[int],
    output: Sequence[int],
    channel_axis: int | None = None,
    bias: bool = True,
    computed: str = "",
    size_first: bool = False,
    **options: Any,
) -> Probe:
    """A probe of an operator with weights.

    Args:
        operator: its TFLite name.
        table: its options table; see `TFLiteGraph.node`.
        image: shape of the input.
        weights: shape of the weights.
        output: shape of the output, channels last.
        channel_axis: quantize the weights with one scale for each index along this axis; None for one scale.
        bias: give it a bias.
        computed: `weights` or `bias` makes that operand an input of the model rather than a constant.
        size_first: its inputs are the output's shape, the weights and the image, as in a transposed
            convolution.
        options: fields of the options table.
    """

    def build(dtype: str) -> bytes:
        graph = TFLiteGraph()
        images = _activation(graph, image, dtype, _ORDINARY)
        kernel = _parameter(graph, weights, dtype, _WEIGHT_SCALE, channel_axis, computed != "weights")
        read = [_constant(graph, output), kernel, images] if size_first else [images, kernel]
        given = [images] + [kernel] * (computed == "weights")
        if bias:
            bias_dtype = "int32" if dtype == "int8" else dtype
            bias_axis = None if channel_axis is None else 0
            # TFLite's rule for the bias: input scale times weight scale.
            offset = _parameter(
                graph, output[-1:], bias_dtype, _SCALE * _WEIGHT_SCALE, bias_axis, computed != "bias"
            )
            read.append(offset)
            given += [offset] * (computed == "bias")
        result = _activation(graph, output, dtype, _ORDINARY)
        graph.node(operator, read, [result], table, **options)
        return graph.to_bytes(given, [result])

    return build


def _activation(graph: TFLiteGraph, shape: Sequence[int], dtype: str, quantization: Quantization) -> int:
    return graph.tensor(shape, dtype, quantization=quantization if dtype == "int8" else None)


def _constant(graph: TFLiteGraph, value: Any) -> int:
    array = np.asarray(value, np.int32)
    return graph.tensor(array.shape, "int32", value=array)


def _parameter(
    graph: TFLiteGraph,
    shape: Sequence[int],
    dtype: str,
    scale: float,
    channel_axis: int | None,
    constant: bool,
) -> int:
    quantization = None
    if dtype != "float32":
        scales = 1 if channel_axis is None else shape[channel_axis]
        quantization = Quantization((scale,) * scales, (0,) * scales, channel_axis or 0)
    return graph.tensor(shape, dtype, quantization=quantization, value=np.ones(shape) if constant else None)
