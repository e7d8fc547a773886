"""Float16: weights stored in half the space, computed in float16 where the processor can."""

from __future__ import annotations

from typing import Any

import numpy as np

from ca_deploy.quantization.tflite_model import TFLiteModel

# TensorFlow's name for what a model allows (tools/optimize/reduced_precision_metadata.h): float16 arithmetic
# and float16 accumulation.
COMPUTE_IN_FLOAT16 = ("reduced_precision_support", b"fp16accfp16")
_LARGEST = float(np.finfo(np.float16).max)


def convert_float16(data: bytes) -> bytes:
    """Store every float32 constant of a .tflite as float16 behind a DEQUANTIZE.

    Delegates fold the DEQUANTIZE away; the interface stays float32. The file says that it may be computed in
    float16: XNNPACK then does where the processor has float16 arithmetic (ARMv8.2 and later), and in float32
    elsewhere. Values beyond float16's range are clipped to it rather than becoming infinite.
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
    model.set_metadata(*COMPUTE_IN_FLOAT16)
    return model.dump()
