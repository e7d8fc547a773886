"""Multiplications of an int8 file in float: between DEQUANTIZE and QUANTIZE, within the same partition."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from ca_deploy.quantization.float16 import COMPUTE_IN_FLOAT16
from ca_deploy.quantization.tflite_model import TFLiteModel


def with_float_products(data: bytes, names: Collection[str]) -> bytes:
    """Let the multiplications whose results have these names compute in float.

    What they read is dequantized, what others read of them is quantized as before, and what one of them
    passes to another is not rounded at all. The file says that float16 will do where the processor has it,
    as ARM's since 8.2; elsewhere it is float32. Where there is none of them the file stays as it is.

    Args:
        data: an int8 .tflite.
        names: of tensors that MUL operators write; other names are left alone, and what is float already.
    """
    writer = _Writer(TFLiteModel(data), names)
    return writer.write() if writer.chosen else data


class _Writer:
    """Rewrites one model, operator by operator."""

    def __init__(self, model: TFLiteModel, names: Collection[str]) -> None:
        self._model = model
        self.chosen = [
            op
            for op in model.operators
            if model.kind(op) == "MUL"
            and model.name(int(op.outputs[0])) in names
            and model.dtype(int(op.outputs[0])) == np.int8
        ]
        self._floats: dict[int, int] = {}
        self._written: list[Any] = []

    def write(self) -> bytes:
        """The file's content."""
        others = [op for op in self._model.operators if op not in self.chosen]
        read = {int(index) for op in others for index in op.inputs} | set(self._model.outputs)
        for operator in self._model.operators:
            if operator not in self.chosen:
                self._written.append(operator)
                continue
            (result,) = map(int, operator.outputs)
            operator.inputs = [self._as_float(int(index)) for index in operator.inputs]
            self._floats[result] = self._model.add_activation(result, "/float", None)
            operator.outputs = [self._floats[result]]
            self._written.append(operator)
            if result in read:
                self._written.append(self._model.new_operator("QUANTIZE", 1, self._floats[result], result))
        self._model.operators = self._written
        self._model.set_metadata(*COMPUTE_IN_FLOAT16)
        return self._model.dump()

    def _as_float(self, index: int) -> int:
        """An int8 tensor in float, dequantized once."""
        if index not in self._floats:
            self._floats[index] = self._model.add_activation(index, "/dequantize", None)
            self._written.append(self._model.new_operator("DEQUANTIZE", 2, index, self._floats[index]))
        return self._floats[index]
