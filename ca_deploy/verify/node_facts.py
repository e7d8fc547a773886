"""What a `.tflite` file says about its nodes, as far as a delegate's conditions ask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from ca_deploy.runtimes import Quantization

_OPERATOR_NAMES = {
    code: name for name, code in vars(schema.BuiltinOperator).items() if not name.startswith("_")
}
_TYPE_NAMES = {
    code: name.lower() for name, code in vars(schema.TensorType).items() if not name.startswith("_")
}


@dataclass(frozen=True)
class Operand:
    """A tensor that a node reads or writes.

    Attributes:
        name: its name in the file.
        shape: its shape; a dimension that is open counts 1.
        dtype: the schema's name in lower case, such as `int8`.
        quantization: None for real numbers.
        value: what a constant holds, flat, as stored; None for a tensor that is computed, and for constants
            other than int32 and int64 ones (axes, sizes), whose value no condition asks for.
        constant: whether the file holds its value.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    quantization: Quantization | None
    value: NDArray[Any] | None
    constant: bool


@dataclass(frozen=True)
class NodeFacts:
    """One node of the main graph.

    Attributes:
        index: its number in the file, which is the runtime's number too.
        operator: its TFLite name, `CUSTOM` for one from outside.
        inputs: None for one left out.
        outputs: what it writes.
        options: the fields of its options table, by the schema's names; empty without one.
    """

    index: int
    operator: str
    inputs: tuple[Operand | None, ...]
    outputs: tuple[Operand, ...]
    options: Mapping[str, Any]

    @property
    def computed(self) -> tuple[Operand, ...]:
        """The inputs that other nodes, or the application, compute."""
        return tuple(i for i in self.inputs if i and not i.constant)

    @property
    def dtype(self) -> str:
        """The type that it computes in: that of its first computed input."""
        operands = self.computed or self.outputs
        return operands[0].dtype


def node_facts(content: bytes) -> tuple[NodeFacts, ...]:
    """The nodes of the main graph of a `.tflite` file, in the file's order."""
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    graph = model.subgraphs[0]
    operands = [_operand(t, model.buffers[t.buffer].data) for t in graph.tensors]
    return tuple(
        NodeFacts(
            index=i,
            operator=_operator_name(model.operatorCodes[node.opcodeIndex]),
            inputs=tuple(operands[t] if t >= 0 else None for t in node.inputs),
            outputs=tuple(operands[t] for t in node.outputs),
            options=vars(node.builtinOptions) if node.builtinOptions else {},
        )
        for i, node in enumerate(graph.operators)
    )


def _operator_name(code: Any) -> str:
    # Files from before 2020 fill only the older, one byte wide field.
    name: str = _OPERATOR_NAMES[max(code.builtinCode, code.deprecatedBuiltinCode)]
    return name


def _operand(tensor: Any, data: NDArray[np.uint8] | None) -> Operand:
    constant = data is not None and len(data) > 0
    dtype = _TYPE_NAMES[tensor.type]
    value = np.frombuffer(data.tobytes(), dtype) if data is not None and dtype in ("int32", "int64") else None
    return Operand(
        name=tensor.name.decode(),
        shape=tuple(int(n) for n in (tensor.shape if tensor.shape is not None else ())),
        dtype=dtype,
        quantization=_quantization(tensor.quantization),
        value=value if constant else None,
        constant=constant,
    )


def _quantization(parameters: Any) -> Quantization | None:
    if parameters is None or parameters.scale is None or not len(parameters.scale):
        return None
    return Quantization(
        scales=tuple(float(s) for s in parameters.scale),
        zero_points=tuple(int(z) for z in parameters.zeroPoint),
        axis=int(parameters.quantizedDimension),
    )
