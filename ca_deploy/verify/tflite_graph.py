"""Put a small `.tflite` file together by hand, without a converter: the probes of the delegation check."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from ca_deploy.runtimes import Quantization

_SCHEMA_VERSION = 3  # the only one that LiteRT and TFLite read
_TENSOR_TYPES = {
    "float32": schema.TensorType.FLOAT32,
    "float16": schema.TensorType.FLOAT16,
    "int8": schema.TensorType.INT8,
    "uint8": schema.TensorType.UINT8,
    "int32": schema.TensorType.INT32,
    "bool": schema.TensorType.BOOL,
}


class TFLiteGraph:
    """Collects tensors and nodes; tensors are numbered in the order in which they are added."""

    def __init__(self) -> None:
        self._buffers = [schema.BufferT()]  # buffer 0 is empty: what it means in every tensor without a value
        self._tensors: list[Any] = []
        self._nodes: list[Any] = []
        self._codes: list[int] = []

    def tensor(
        self,
        shape: Sequence[int],
        dtype: str = "float32",
        *,
        quantization: Quantization | None = None,
        value: NDArray[Any] | None = None,
    ) -> int:
        """Add a tensor and give its number; with a value (stored integers if quantized) it is a constant."""
        tensor = schema.TensorT()
        tensor.name = f"t{len(self._tensors)}"
        tensor.shape = list(shape)
        tensor.type = _TENSOR_TYPES[dtype]
        tensor.quantization = _quantization(quantization) if quantization else None
        tensor.buffer = 0
        if value is not None:
            tensor.buffer = len(self._buffers)
            self._buffers.append(_buffer(np.asarray(value, dtype)))
        self._tensors.append(tensor)
        return len(self._tensors) - 1

    def node(
        self, operator: str, inputs: Sequence[int], outputs: Sequence[int], table: str = "", **options: Any
    ) -> None:
        """Add a node.

        Args:
            operator: its TFLite name, such as `CONV_2D`.
            inputs: numbers of tensors, -1 for one left out.
            outputs: numbers of tensors.
            table: the schema's table of its options without the ending, `Conv2D` for `Conv2DOptions`.
            options: values for the table's fields, by the schema's names (`strideW=2`).
        """
        code = getattr(schema.BuiltinOperator, operator)
        if code not in self._codes:
            self._codes.append(code)
        node = schema.OperatorT()
        node.opcodeIndex = self._codes.index(code)
        node.inputs, node.outputs = list(inputs), list(outputs)
        if table:
            node.builtinOptionsType = getattr(schema.BuiltinOptions, f"{table}Options")
            node.builtinOptions = getattr(schema, f"{table}OptionsT")()
            vars(node.builtinOptions).update(options)
        self._nodes.append(node)

    def to_bytes(self, inputs: Sequence[int], outputs: Sequence[int]) -> bytes:
        """The file's content."""
        graph = schema.SubGraphT()
        graph.tensors, graph.operators = self._tensors, self._nodes
        graph.inputs, graph.outputs = list(inputs), list(outputs)
        model = schema.ModelT()
        model.version = _SCHEMA_VERSION
        model.operatorCodes = [_operator_code(c) for c in self._codes]
        model.subgraphs, model.buffers = [graph], self._buffers
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def _buffer(value: NDArray[Any]) -> Any:
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(value.tobytes(), np.uint8)
    return buffer


def _quantization(quantization: Quantization) -> Any:
    parameters = schema.QuantizationParametersT()
    parameters.scale = list(quantization.scales)
    parameters.zeroPoint = list(quantization.zero_points)
    parameters.quantizedDimension = quantization.axis
    return parameters


def _operator_code(code: int) -> Any:
    operator = schema.OperatorCodeT()
    operator.builtinCode = code
    # The field of older files: one byte, with this value where the code does not fit.
    operator.deprecatedBuiltinCode = min(code, schema.BuiltinOperator.PLACEHOLDER_FOR_GREATER_OP_CODES)
    operator.version = 1
    return operator
