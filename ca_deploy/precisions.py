"""The precisions that a .tflite can have; their names say what is stored and what is computed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Form = Literal["fp32", "fp16", "int8"]


@dataclass(frozen=True)
class Precision:
    """One precision.

    Attributes:
        form: whose graph form it shares: what is fastest in float32, in float16 or in integers.
        calibrated: activations have ranges, which images set.
        meaning: what is stored and computed.
        default: written when no precision is asked for.
    """

    form: Form
    calibrated: bool
    meaning: str
    default: bool = False


PRECISIONS: dict[str, Precision] = {
    "fp32": Precision("fp32", False, "float32", default=True),
    "fp16": Precision("fp16", False, "float16 weights; computed in float16 or float32", default=True),
    "int8": Precision("int8", True, "int8 weights per channel, int8 activations", default=True),
    "int8_per_tensor": Precision("int8", True, "int8 weights per tensor, int8 activations"),
    "int16x8": Precision("int8", True, "int8 weights per channel, int16 activations"),
    "dynamic_int8": Precision(
        "fp32", False, "int8 weights; inputs of convolutions rounded to int8 as they come, float32 between"
    ),
    "weight_int8": Precision("fp32", False, "int8 weights; computed in float32"),
}
"""By name, in the order in which artifacts are listed. The file of each is model_NAME.tflite."""

DEFAULT = tuple(name for name, precision in PRECISIONS.items() if precision.default)


def needs_calibration(names: tuple[str, ...]) -> bool:
    """Whether one of these precisions takes ranges from images."""
    return any(PRECISIONS[name].calibrated for name in names)
