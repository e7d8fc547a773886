"""Small ONNX models for the tests, and what each runtime makes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]

OPERATOR_NAMES = {
    number: name for name, number in vars(schema.BuiltinOperator).items() if not name.startswith("_")
}


def model(graph: str, **constants: Any) -> onnx.ModelProto:
    """Parse a graph in ONNX's text form.

    A constant that is a tuple of lengths becomes random weights, divided by the square root of the number of
    inputs; a list or an array stays what it is, as int64 if it holds integers.
    """
    parsed = onnx.parser.parse_model(f'<ir_version: 10, opset_import: ["": 20]>\n{graph}')
    rng = np.random.default_rng(0)
    for name, value in constants.items():
        if isinstance(value, tuple):
            scale = np.sqrt(max(np.prod(value[1:]), 1))
            array = (rng.standard_normal(value) / scale).astype(np.float32)
        else:
            array = np.asarray(value)
            array = array.astype(np.float32) if array.dtype == np.float64 else array
        parsed.graph.initializer.append(onnx.numpy_helper.from_array(array, name))
    onnx.checker.check_model(parsed, full_check=True)
    return parsed


def random_inputs(parsed: onnx.ModelProto, seed: int = 1) -> dict[str, NDArray[np.float32]]:
    rng = np.random.default_rng(seed)
    constants = {tensor.name for tensor in parsed.graph.initializer}
    return {
        info.name: rng.standard_normal([axis.dim_value for axis in info.type.tensor_type.shape.dim]).astype(
            "f"
        )
        for info in parsed.graph.input
        if info.name not in constants
    }


def run_onnx(parsed: onnx.ModelProto, inputs: Arrays) -> dict[str, NDArray[Any]]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(parsed.SerializeToString(), options)
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(inputs)), strict=True))


def run_tflite(data: bytes, inputs: Arrays) -> dict[str, NDArray[Any]]:
    """Run through the file's signature; NCHW in, NCHW out."""
    interpreter = Interpreter(model_content=data, num_threads=1)
    results = interpreter.get_signature_runner()(**{name: to_nhwc(array) for name, array in inputs.items()})
    return {name: to_nchw(array) for name, array in results.items()}


def plain_interpreter(data: bytes) -> Interpreter:
    """Load without XNNPACK, every tensor kept."""
    interpreter = Interpreter(
        model_content=data,
        num_threads=1,
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    return interpreter


def operators(data: bytes) -> list[str]:
    """List the TFLite operators in their order."""
    parsed = schema.ModelT.InitFromPackedBuf(data, 0)
    codes = [OPERATOR_NAMES[code.builtinCode] for code in parsed.operatorCodes]
    return [codes[operator.opcodeIndex] for operator in parsed.subgraphs[0].operators]


def to_nhwc(array: NDArray[Any]) -> NDArray[Any]:
    array = np.asarray(array)
    return np.ascontiguousarray(array.transpose(0, 2, 3, 1)) if array.ndim == 4 else array


def to_nchw(array: NDArray[Any]) -> NDArray[Any]:
    return array.transpose(0, 3, 1, 2) if array.ndim == 4 else array


def assert_equal(got: Arrays, wanted: Arrays, names: Sequence[str] | None = None) -> None:
    for name in wanted if names is None else names:
        scale = np.abs(wanted[name]).max(initial=1e-6)
        np.testing.assert_allclose(got[name], wanted[name], rtol=1e-4, atol=1e-5 * float(scale), err_msg=name)
