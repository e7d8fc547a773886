"""A .tflite file as objects that can be read and rewritten (the flatbuffer schema's own object API)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from ca_deploy.quantization.parameters import QuantParams

_IDENTIFIER = b"TFL3"
_ALIGNMENT = 16  # schema.fbs: Buffer.data has force_align 16, which the Python object API does not honour

_DTYPES: dict[int, Any] = {
    schema.TensorType.FLOAT32: np.float32,
    schema.TensorType.FLOAT16: np.float16,
    schema.TensorType.INT64: np.int64,
    schema.TensorType.INT32: np.int32,
    schema.TensorType.INT16: np.int16,
    schema.TensorType.INT8: np.int8,
    schema.TensorType.UINT8: np.uint8,
    schema.TensorType.BOOL: np.bool_,
}
_TENSOR_TYPES = {np.dtype(dtype): code for code, dtype in _DTYPES.items()}
_OPERATOR_NAMES = {
    code: name for name, code in vars(schema.BuiltinOperator).items() if not name.startswith("_")
}


class _AlignedBuffer(schema.BufferT):  # type: ignore[misc]  # the generated schema is untyped
    """A buffer whose data begin at a multiple of 16 bytes, as the schema asks and kernels may assume."""

    def Pack(self, builder: Any) -> Any:  # noqa: N802  # overrides the generated method
        data = b"" if self.data is None else np.asarray(self.data, np.uint8).tobytes()
        vector = None
        if data:
            builder.StartVector(1, len(data), _ALIGNMENT)
            builder.head -= len(data)
            builder.Bytes[builder.head : builder.head + len(data)] = data
            vector = builder.EndVector()
        schema.BufferStart(builder)
        if vector is not None:
            schema.BufferAddData(builder, vector)
        return schema.BufferEnd(builder)


class TFLiteModel:
    """One subgraph of a .tflite file: operators, tensors and constants; indices are the file's own.

    Args:
        data: the content of a .tflite file with a single subgraph.
    """

    def __init__(self, data: bytes) -> None:
        self._model = schema.ModelT.InitFromPackedBuf(data, 0)
        (self._graph,) = self._model.subgraphs

    @property
    def tensors(self) -> list[Any]:
        """The schema's `TensorT` objects."""
        return list(self._graph.tensors)

    @property
    def operators(self) -> list[Any]:
        """The schema's `OperatorT` objects in execution order."""
        return list(self._graph.operators)

    @operators.setter
    def operators(self, operators: list[Any]) -> None:
        self._graph.operators = operators

    @property
    def inputs(self) -> list[int]:
        """Tensor indices of the graph's inputs."""
        return [int(index) for index in self._graph.inputs]

    @property
    def outputs(self) -> list[int]:
        """Tensor indices of the graph's outputs."""
        return [int(index) for index in self._graph.outputs]

    @property
    def output_names(self) -> list[str]:
        """What the graph's outputs are called in its signature, where it has one, or their tensors' names."""
        names = {index: self.name(index) for index in self.outputs}
        for signature in self._model.signatureDefs or []:
            names |= {entry.tensorIndex: _text(entry.name) for entry in signature.outputs}
        return [names[index] for index in self.outputs]

    def replace_input(self, old: int, new: int) -> None:
        """Make tensor `new` the graph's input in place of `old`, in its signatures too."""
        self._graph.inputs = [new if index == old else index for index in self.inputs]
        for signature in self._model.signatureDefs or []:
            _point_elsewhere(signature.inputs, old, new)

    def replace_output(self, old: int, new: int, name: str | None = None) -> None:
        """Make tensor `new` the graph's output in place of `old`, called `name` in its signatures."""
        self._graph.outputs = [new if index == old else index for index in self.outputs]
        for signature in self._model.signatureDefs or []:
            _point_elsewhere(signature.outputs, old, new, name)

    def kind(self, operator: Any) -> str:
        """The operator's builtin name, such as "CONV_2D"."""
        code = self._model.operatorCodes[operator.opcodeIndex]
        return str(_OPERATOR_NAMES[max(code.builtinCode, code.deprecatedBuiltinCode)])

    def require_version(self, operator: Any, version: int) -> None:
        """Raise the operator's version to at least `version`, leaving other operators of its kind alone."""
        code = self._model.operatorCodes[operator.opcodeIndex]
        if code.version < version:
            operator.opcodeIndex = self._operator_code(self.kind(operator), version)

    def version(self, operator: Any) -> int:
        """The operator's version, which tells runtimes what forms of it they must know."""
        return int(self._model.operatorCodes[operator.opcodeIndex].version)

    def new_operator(
        self, kind: str, version: int, source: int | Sequence[int], result: int, options: Any = None
    ) -> Any:
        """An operator from one or several tensors to tensor `result`; the caller places it.

        Args:
            kind: its builtin name, such as "CONV_2D".
            version: its version.
            source: what it reads.
            result: what it writes.
            options: the schema's object with its options, such as `SoftmaxOptionsT`; none for most.
        """
        operator = schema.OperatorT()
        operator.opcodeIndex = self._operator_code(kind, version)
        operator.inputs = [source] if isinstance(source, int) else list(source)
        operator.outputs = [result]
        if options is not None:
            operator.builtinOptions = options
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, type(options).__name__[:-1])
        return operator

    def dtype(self, index: int) -> np.dtype[Any]:
        """A tensor's element type."""
        dtype: np.dtype[Any] = np.dtype(_DTYPES[self._graph.tensors[index].type])
        return dtype

    def shape(self, index: int) -> list[int]:
        """A tensor's sizes, none for a scalar."""
        shape = self._graph.tensors[index].shape
        return [] if shape is None else [int(size) for size in shape]

    def set_shape(self, index: int, shape: Sequence[int]) -> None:
        """Give an activation other sizes."""
        tensor = self._graph.tensors[index]
        tensor.shape, tensor.shapeSignature = list(shape), None

    def name(self, index: int) -> str:
        """A tensor's name."""
        return _text(self._graph.tensors[index].name)

    def constant(self, index: int) -> NDArray[Any] | None:
        """A constant tensor's values in the file's layout, or None for an activation."""
        tensor = self._graph.tensors[index]
        data = self._model.buffers[tensor.buffer].data
        if tensor.buffer == 0 or data is None or not len(data):
            return None
        values = np.frombuffer(np.asarray(data, np.uint8).tobytes(), self.dtype(index))
        return values.reshape(self.shape(index))

    def set_constant(self, index: int, values: NDArray[Any]) -> None:
        """Give a constant other values of its own shape and dtype; tensors that shared them keep theirs."""
        tensor = self._graph.tensors[index]
        assert values.dtype == self.dtype(index)
        assert list(values.shape) == list(tensor.shape)
        tensor.buffer = self._add_buffer(values)

    def set_quantized(self, index: int, params: QuantParams) -> None:
        """Turn a tensor into one of the parameters' type; an activation, or a constant written separately."""
        tensor = self._graph.tensors[index]
        tensor.type = _TENSOR_TYPES[np.dtype(params.dtype)]
        tensor.quantization = _quantization(params)

    def add_activation(self, like: int, suffix: str, params: QuantParams | None) -> int:
        """A new activation tensor shaped like another: quantized, or float32 without parameters."""
        index = self._add_tensor(like, suffix, buffer=0)
        self._graph.tensors[index].type = schema.TensorType.FLOAT32
        self._graph.tensors[index].quantization = None
        if params is not None:
            self.set_quantized(index, params)
        return index

    def add_constant(self, like: int, suffix: str, values: NDArray[Any], params: QuantParams | None) -> int:
        """A new constant tensor named after another, with the values' own dtype."""
        index = self._add_tensor(like, suffix, buffer=self._add_buffer(values))
        tensor = self._graph.tensors[index]
        tensor.shape = list(values.shape)
        tensor.type = _TENSOR_TYPES[values.dtype]
        tensor.quantization = None if params is None else _quantization(params)
        return index

    def metadata(self, name: str) -> bytes | None:
        """The named block of bytes, or None."""
        for one in self._model.metadata or []:
            if _text(one.name) == name:
                return bytes(self._model.buffers[one.buffer].data)
        return None

    def set_metadata(self, name: str, content: bytes) -> None:
        """Attach a named block of bytes, as runtimes and tools look for, in place of one of that name."""
        entry = schema.MetadataT()
        entry.name, entry.buffer = name, self._add_buffer(np.frombuffer(content, np.uint8))
        others = [one for one in self._model.metadata or [] if _text(one.name) != name]
        self._model.metadata = [*others, entry]

    def dump(self) -> bytes:
        """The file's content, without tensors and buffers that nothing uses any more."""
        self._drop_unused()
        for buffer in self._model.buffers:
            buffer.__class__ = _AlignedBuffer
        builder = flatbuffers.Builder(1 << 20)
        builder.Finish(self._model.Pack(builder), file_identifier=_IDENTIFIER)
        return bytes(builder.Output())

    def _operator_code(self, kind: str, version: int) -> int:
        """Index of the operator code of this kind and version, added when the file has none."""
        builtin = getattr(schema.BuiltinOperator, kind)
        for index, code in enumerate(self._model.operatorCodes):
            if max(code.builtinCode, code.deprecatedBuiltinCode) == builtin and code.version == version:
                return index
        code = schema.OperatorCodeT()
        code.builtinCode, code.version = builtin, version
        code.deprecatedBuiltinCode = min(builtin, 127)  # what runtimes before builtin_code read
        self._model.operatorCodes.append(code)
        return len(self._model.operatorCodes) - 1

    def _add_buffer(self, values: NDArray[Any]) -> int:
        buffer = _AlignedBuffer()
        buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
        self._model.buffers.append(buffer)
        return len(self._model.buffers) - 1

    def _add_tensor(self, like: int, suffix: str, buffer: int) -> int:
        original = self._graph.tensors[like]
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.buffer = _text(original.name) + suffix, original.shape, buffer
        tensor.shapeSignature, tensor.hasRank = original.shapeSignature, original.hasRank
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def _drop_unused(self) -> None:
        """Remove unused tensors, buffers and operator codes, and renumber what refers to them."""
        graph, model = self._graph, self._model
        used = {*self.inputs, *self.outputs}
        for operator in graph.operators:
            used.update(int(i) for i in (*operator.inputs, *operator.outputs) if i >= 0)
        tensors = {old: new for new, old in enumerate(sorted(used))}
        graph.tensors = [graph.tensors[old] for old in tensors]
        graph.inputs = [tensors[i] for i in self.inputs]
        graph.outputs = [tensors[i] for i in self.outputs]
        for operator in graph.operators:
            operator.inputs = [tensors[int(i)] if i >= 0 else -1 for i in operator.inputs]
            operator.outputs = [tensors[int(i)] for i in operator.outputs]
        for signature in model.signatureDefs or []:
            for entry in (*signature.inputs, *signature.outputs):
                entry.tensorIndex = tensors[entry.tensorIndex]
        held = {0, *(t.buffer for t in graph.tensors), *(m.buffer for m in model.metadata or [])}
        buffers = {old: new for new, old in enumerate(sorted(held))}
        model.buffers = [model.buffers[old] for old in buffers]
        for holder in (*graph.tensors, *(model.metadata or [])):
            holder.buffer = buffers[holder.buffer]
        codes = {old: new for new, old in enumerate(sorted({op.opcodeIndex for op in graph.operators}))}
        model.operatorCodes = [model.operatorCodes[old] for old in codes]
        for operator in graph.operators:
            operator.opcodeIndex = codes[operator.opcodeIndex]


def _text(name: str | bytes) -> str:
    """A name: bytes as it was in the file, text as it was set here."""
    return name if isinstance(name, str) else name.decode()


def _point_elsewhere(entries: Iterable[Any], old: int, new: int, name: str | None = None) -> None:
    """Let a signature's entries of one tensor mean another, under another name where one is given."""
    for entry in entries:
        if entry.tensorIndex == old:
            entry.tensorIndex = new
            entry.name = entry.name if name is None else name


def _quantization(params: QuantParams) -> Any:
    """The schema's form of quantization parameters."""
    quantization = schema.QuantizationParametersT()
    quantization.scale = params.scale.astype(np.float32)
    quantization.zeroPoint = params.zero_point.astype(np.int64)
    quantization.quantizedDimension = params.axis
    return quantization
