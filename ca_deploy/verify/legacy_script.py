"""Runs a `.tflite` file on tflite-runtime; executed by that runtime's own Python, which has no ca_deploy.

Usage: legacy_script.py MODEL [INPUTS.npy FOLDER]. Prints the graph's nodes after delegation as JSON: [[name,
inputs, outputs], ...]; with inputs, runs them as stored, one after the other, and writes output i of all of
them to FOLDER/i.npy.
"""

import ctypes
import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

# TFLITE_XNNPACK_DELEGATE_FLAG_QS8 and _QU8 of xnnpack_delegate.h. This wheel leaves int8 models to TFLite's
# own kernels unless it is asked; apps of its time were built with int8 switched on.
_INT8_AND_UINT8 = 1 | 2


class _Options(ctypes.Structure):
    """TfLiteXNNPackDelegateOptions, with room for the fields that are left at their defaults."""

    _fields_ = [("threads", ctypes.c_int32), ("flags", ctypes.c_uint32), ("others", ctypes.c_uint8 * 248)]


class _Xnnpack:
    """XNNPACK with int8 switched on, in the shape that the interpreter asks of a delegate."""

    def __init__(self) -> None:
        package = Path(str(import_module("tflite_runtime").__file__)).parent
        library = ctypes.CDLL(str(next(package.glob("_pywrap*.so"))))
        library.TfLiteXNNPackDelegateOptionsDefault.restype = _Options
        library.TfLiteXNNPackDelegateCreate.restype = ctypes.c_void_p
        options = library.TfLiteXNNPackDelegateOptionsDefault()
        options.flags |= _INT8_AND_UINT8
        self._pointer = library.TfLiteXNNPackDelegateCreate(ctypes.byref(options))

    def _get_native_delegate_pointer(self) -> int:
        return int(self._pointer)


def _load(model: str) -> Any:
    interpreter: Any = import_module("tflite_runtime.interpreter").Interpreter(
        model, num_threads=1, experimental_delegates=[_Xnnpack()]
    )
    interpreter.allocate_tensors()
    return interpreter


def _nodes(interpreter: Any) -> list[Any]:
    return [
        [d["op_name"], *([int(t) for t in d[k] if t >= 0] for k in ("inputs", "outputs"))]
        for d in interpreter._get_ops_details()
    ]


def _run(interpreter: Any, inputs: Path, folder: Path) -> None:
    (given,) = interpreter.get_input_details()
    results = interpreter.get_output_details()
    collected: list[list[Any]] = [[] for _ in results]
    for stored in np.load(inputs):
        interpreter.set_tensor(given["index"], stored[np.newaxis])
        interpreter.invoke()
        for values, result in zip(collected, results, strict=True):
            values.append(interpreter.get_tensor(result["index"]))
    for i, values in enumerate(collected):
        np.save(folder / f"{i}.npy", np.concatenate(values))


def _main(model: str, *arguments: str) -> None:
    interpreter = _load(model)
    if arguments:
        inputs, folder = arguments
        _run(interpreter, Path(inputs), Path(folder))
    json.dump(_nodes(interpreter), sys.stdout)


if __name__ == "__main__":
    try:
        _main(*sys.argv[1:])
    except (ValueError, RuntimeError) as error:  # the runtime's own, over several lines
        sys.exit(" ".join(str(error).split()))
