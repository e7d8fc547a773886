"""An interpreter of saved ML programs, for machines without Core ML.

It reads the .mlpackage as Core ML would and computes operator by operator in PyTorch, each in float32 and
then rounded to the type that the program states for the result. It is not Core ML: how the Neural Engine
rounds within an operator is Apple's own matter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ca_deploy.errors import UserError
from ca_deploy.runtimes.batches import check_fits, run_in_batches
from ca_deploy.runtimes.coreml_tools import LOGITS, ct, quiet
from ca_deploy.runtimes.mlprogram_operators import KERNELS, as_input
from ca_deploy.runtimes.protocol import FloatBatch, TensorInfo
from ca_deploy.runtimes.sources import one_line
from ca_deploy.runtimes.torch_threads import torch_threads

_ROUNDED = {"fp16": torch.float16}
_CONSTANT = ("const", "constexpr_affine_dequantize", "constexpr_blockwise_shift_scale", "constexpr_cast")


class MLProgram:
    """An .mlpackage, for its logits, which ours give beside the scores.

    Args:
        path: the package, a folder.
        threads: has no effect; on maps of this size PyTorch's threads mostly wait for one another.

    Raises:
        UserError: when it holds no ML program, or an operator that is not interpreted here.
    """

    name = "ML program interpreter"
    version: str = ct.__version__
    delegate = "none"

    def __init__(self, path: Path, threads: int = 1) -> None:
        self.threads = 1
        main = _program(path).functions["main"]
        self._operations = [one for one in main.operations if one.op_type not in _CONSTANT]
        self._results = [output.name for output in _before_scores(main.outputs)]
        if unknown := sorted({o.op_type for o in self._operations} - KERNELS.keys() - {"classify"}):
            raise UserError(f"{path}: {', '.join(unknown)} cannot be interpreted here")
        ((name, given),) = main.inputs.items()
        computed = {name, *(output.name for one in self._operations for output in one.outputs)}
        self._constants = _constants(self._operations, computed)
        self._input = TensorInfo(name, tuple(given.shape), np.dtype(np.float32))
        self.inputs = (self._input,)
        self.outputs = tuple(
            TensorInfo(output.name, tuple(output.shape), np.dtype(np.float32), index=i)
            for i, output in enumerate(_before_scores(main.outputs))
        )

    @property
    def operators(self) -> tuple[str, ...]:
        """Types of the program's operators, in order, without constants."""
        return tuple(operation.op_type for operation in self._operations)

    def run(self, batch: FloatBatch) -> tuple[FloatBatch, ...]:
        """Run pixels, 0 to 255, float32 (N,C,H,W); see `Runtime.run`."""
        check_fits(self._input, batch)
        return run_in_batches(self._run, batch, self._input.shape[0])

    def bind(self, batch: FloatBatch) -> Callable[[], None]:
        """Give a call that interprets the program, whose time says nothing of Core ML."""
        check_fits(self._input, batch)

        def run() -> None:
            self._run(batch)

        return run

    def _run(self, images: FloatBatch) -> tuple[FloatBatch, ...]:
        values = {**self._constants, self._input.name: torch.from_numpy(np.ascontiguousarray(images))}
        with torch.inference_mode(), torch_threads(1):
            for operation in self._operations:
                if all(name in values for name in self._results):
                    break
                given = {name: _value(value, values) for name, value in _inputs(operation)}
                results = KERNELS[operation.op_type](given)
                for output, result in zip(operation.outputs, _listed(results), strict=True):
                    values[output.name] = _rounded(result, output)
        return tuple(values[name].numpy() for name in self._results)


def _program(path: Path) -> Any:
    """The package's program, as coremltools reads it back."""
    from coremltools.converters.mil.frontend.milproto.load import load

    try:
        with quiet():
            model = ct.models.MLModel(str(path), skip_model_load=True)
            return load(model.get_spec(), model.get_spec().specificationVersion, model.weights_dir)
    except Exception as error:  # coremltools raises plain ones
        raise UserError(f"{path} cannot be read as a Core ML package: {one_line(error)}") from error


def _before_scores(outputs: Sequence[Any]) -> list[Any]:
    """The logits among a program's outputs; all of them in a program of another maker."""
    named = [output for output in outputs if output.name == LOGITS]
    return named or list(outputs)


def _inputs(operation: Any) -> Iterator[tuple[str, Any]]:
    """The inputs that an operator has, by name."""
    for name, value in operation.inputs.items():
        if value is not None:
            yield name, value


def _constants(operations: Sequence[Any], computed: set[str]) -> dict[str, Any]:
    """What operators read and nothing computes, by name; compressed weights are unpacked once, here."""
    found: dict[str, Any] = {}
    for operation in operations:
        for _, given in _inputs(operation):
            for one in given if isinstance(given, list | tuple) else [given]:
                if one.name in computed or one.name in found:
                    continue
                value = one.op.materialized_val_inference() if one.val is None else one.val
                found[one.name] = as_input(value)
    return found


def _value(given: Any, values: dict[str, Any]) -> Any:
    if isinstance(given, list | tuple):
        return [values[one.name] for one in given]
    return values[given.name]


def _listed(results: Any) -> list[Tensor]:
    return results if isinstance(results, list) else [results]


def _rounded(value: Tensor, output: Any) -> Tensor:
    """A result as the program's type for it holds it, in float32."""
    dtype = _ROUNDED.get(ct.converters.mil.mil.types.builtin_to_string(output.dtype))
    return value if dtype is None else value.to(dtype).to(torch.float32)
