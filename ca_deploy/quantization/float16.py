"""Float16: weights stored in half the space, computed in float32 (or float16, where a delegate can)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ca_deploy.quantization.tflite_model import TFLiteModel

_LARGEST = float(np.finfo(np.float16).max)


def convert_float16(data: bytes) -> bytes:
    """Store every float32 constant of a .tflite as float16 behind a DEQUANTIZE.

    XNNPACK and the GPU delegates fold the DEQUANTIZE away; interface and activations stay float32. Values
    beyond float16's range are clipped to it rather than becoming infinite.
    """
    model = TFLiteModel(data)
    dequantized: dict[int, int] = {}
    conversions: list[Any] = []
    for operator in model.operators:
        operator.inputs = [int(index) for index in operator.inputs]
        for place, index in enumerate(operator.inputs):
            values = model.constant(index) if index >= 0 else None
            if values is None or values.dtype != np.float32:
                continue
            if index not in dequantized:
                half = np.clip(values, -_LARGEST, _LARGEST).astype(np.float16)
                source = model.add_constant(index, "/float16", half, None)
                dequantized[index] = model.add_activation(index, "/dequantize", None)
                conversions.append(model.new_operator("DEQUANTIZE", 3, source, dequantized[index]))
            operator.inputs[place] = dequantized[index]
    model.operators = [*conversions, *model.operators]
    return model.dump()
