"""Edits of a fresh .tflite file: names, a signature, biases, alignment, nothing that differs by run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

FILE_IDENTIFIER = b"TFL3"
SIGNATURE = "serving_default"
DESCRIPTION = "Converted from ONNX by ca-deploy"
CONVERSION_METADATA = b"CONVERSION_METADATA"
BUFFER_ALIGNMENT = 16
"""Bytes; schema.fbs forces it on `Buffer.data`, the packer for Python does not know the attribute."""


def finished(
    data: bytes, inputs: Sequence[str], outputs: Sequence[str], names: Mapping[str, str]
) -> tuple[bytes, set[str]]:
    """Finish a file that TensorFlow's converter wrote.

    Args:
        data: the file.
        inputs: names for the graph's inputs, in order.
        outputs: names for the graph's outputs, in order.
        names: TensorFlow tensor (`operation:index`) → the name that its TFLite tensor shall have.

    Returns:
        The file, and the names of its tensors.
    """
    model = schema.ModelT.InitFromPackedBuf(data, 0)
    graph = model.subgraphs[0]
    _name_results(graph, names)
    for index, name in [*zip(graph.outputs, outputs, strict=True), *zip(graph.inputs, inputs, strict=True)]:
        graph.tensors[index].name = name
    _give_biases(model)
    model.signatureDefs = [_signature(graph, inputs, outputs)]
    model.description = DESCRIPTION
    # Holds bytes of uninitialised memory, which change from run to run, and nothing that a user needs.
    model.metadata = [entry for entry in model.metadata if entry.name != CONVERSION_METADATA]
    return _packed(model), {_text(tensor.name) for tensor in graph.tensors}


def _name_results(graph: Any, names: Mapping[str, str]) -> None:
    """Name the results of operators.

    The converter names a result after the TensorFlow operations that it fused, the last one first, and
    adds a number if a constant or an earlier result of the same operator has that name already.
    """
    for operator in graph.operators:
        for position, index in enumerate(operator.outputs):
            last = _text(graph.tensors[index].name).split(";")[0]
            found = [names.get(f"{operation}:{position}") for operation in _with_fewer_digits(last)]
            graph.tensors[index].name = next(filter(None, found), graph.tensors[index].name)


def _with_fewer_digits(name: str) -> Iterator[str]:
    """Give a name, and the same with fewer and fewer of the digits at its end."""
    yield name
    while name[-1:].isdigit():
        name = name[:-1]
        yield name


def _text(name: str | bytes) -> str:
    """Read a name: bytes as they were in the file, text as it was set here."""
    return name if isinstance(name, str) else name.decode()


def _give_biases(model: Any) -> None:
    """Add a bias of zeros to each FULLY_CONNECTED without one, which XNNPACK would refuse in int8."""
    graph = model.subgraphs[0]
    for operator in graph.operators:
        code = model.operatorCodes[operator.opcodeIndex].builtinCode
        if code == schema.BuiltinOperator.FULLY_CONNECTED and operator.inputs[2] == -1:
            result = graph.tensors[operator.outputs[0]]
            zeros = np.zeros(result.shape[-1], np.float32)
            name = f"{_text(result.name)}/bias"
            bias = schema.TensorT(zeros.shape, schema.TensorType.FLOAT32, len(model.buffers), name)
            model.buffers.append(schema.BufferT(zeros.view(np.uint8)))
            operator.inputs = [*operator.inputs[:2], len(graph.tensors)]
            graph.tensors.append(bias)


def _signature(graph: Any, inputs: Sequence[str], outputs: Sequence[str]) -> Any:
    return schema.SignatureDefT(
        inputs=[schema.TensorMapT(*entry) for entry in zip(inputs, map(int, graph.inputs), strict=True)],
        outputs=[schema.TensorMapT(*entry) for entry in zip(outputs, map(int, graph.outputs), strict=True)],
        signatureKey=SIGNATURE,
        subgraphIndex=0,
    )


class _AlignedBuffer(schema.BufferT):  # type: ignore[misc] # the schema has no types
    """A buffer whose bytes start where a runtime that maps the file may read them in place."""

    def Pack(self, builder: Any) -> Any:  # noqa: N802 - overrides generated code
        data = self.data
        if data is not None:
            builder.StartVector(1, len(data), BUFFER_ALIGNMENT)
            builder.head = builder.Head() - len(data)
            builder.Bytes[builder.head : builder.head + len(data)] = bytes(data)
            vector = builder.EndVector()
        schema.BufferStart(builder)
        if data is not None:
            schema.BufferAddData(builder, vector)
        return schema.BufferEnd(builder)


def _packed(model: Any) -> bytes:
    model.buffers = [_AlignedBuffer(buffer.data) for buffer in model.buffers]
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), file_identifier=FILE_IDENTIFIER)
    return bytes(builder.Output())
