"""ONNX Runtime: runs `.onnx` files on its CPU execution provider."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from ca_deploy.errors import UserError
from ca_deploy.runtimes.batches import check_fits, run_in_batches
from ca_deploy.runtimes.protocol import FloatBatch, TensorInfo
from ca_deploy.runtimes.sources import label, one_line, only_input, readable

# ONNX Runtime's own names for element types; images come in and logits go out as real numbers.
_DTYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64}
_PROVIDER = "CPUExecutionProvider"
_ERRORS_ONLY = 3


class OnnxRuntime:
    """An `.onnx` file, by path or content, on ONNX Runtime's CPU provider.

    Args:
        source: the file or its content.
        threads: how many threads one operator may use; operators run one after the other.

    Raises:
        UserError: when the file cannot be loaded, or does not take one input of real numbers.
    """

    name = "ONNX Runtime"
    version: str = onnxruntime.__version__
    delegate = _PROVIDER

    def __init__(self, source: Path | bytes, threads: int = 1) -> None:
        self.threads = threads
        self._session = _session(readable(source), threads)
        self.inputs = _infos(self._session.get_inputs(), source)
        self.outputs = _infos(self._session.get_outputs(), source)
        self._input = only_input(self.inputs, source)

    def run(self, batch: FloatBatch) -> tuple[FloatBatch, ...]:
        """Run float32 images (N,C,H,W); see `Runtime.run`."""
        check_fits(self._input, batch)
        return run_in_batches(self._run, batch, self._input.shape[0])

    def bind(self, batch: FloatBatch) -> Callable[[], None]:
        """Bind the input and the outputs once and give the bare run; see `Runtime.bind`."""
        check_fits(self._input, batch)
        binding = self._session.io_binding()
        binding.bind_cpu_input(self._input.name, self._stored(batch))
        for output in self.outputs:
            binding.bind_output(output.name)
        return partial(self._session.run_with_iobinding, binding)

    def _run(self, images: FloatBatch) -> tuple[FloatBatch, ...]:
        values = self._session.run(None, {self._input.name: self._stored(images)})
        return tuple(np.asarray(v, np.float32) for v in values)

    def _stored(self, images: FloatBatch) -> Any:
        return np.ascontiguousarray(images, self._input.dtype)


def _session(source: Path | bytes, threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    model = str(source) if isinstance(source, Path) else source
    try:
        return onnxruntime.InferenceSession(model, options, providers=[_PROVIDER])
    except Exception as error:  # its exceptions share no base class
        raise UserError(f"{label(source)} cannot be loaded by ONNX Runtime: {one_line(error)}") from error


def _infos(arguments: list[Any], source: Path | bytes) -> tuple[TensorInfo, ...]:
    return tuple(
        TensorInfo(
            name=a.name,
            shape=tuple(n if isinstance(n, int) else None for n in a.shape),
            dtype=_dtype(a, source),
            index=i,
        )
        for i, a in enumerate(arguments)
    )


def _dtype(argument: Any, source: Path | bytes) -> np.dtype[Any]:
    if argument.type not in _DTYPES:
        known = ", ".join(_DTYPES)
        raise UserError(f"{label(source)}: {argument.name!r} is a {argument.type}; only {known} can be run")
    return np.dtype(_DTYPES[argument.type])
