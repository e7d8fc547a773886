"""The precisions that a .tflite can have; their names say what is stored and what is computed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FormulatedPrecision = Literal["fp32", "fp16", "int8"]
"""The precisions that graphs are formulated for."""


@dataclass(frozen=True)
class Precision:
    """One precision.

    Attributes:
        formulated_as: the precision whose formulation of the graph it shares: what is fastest in float32,
            in float16 or in integers.
        calibrated: activations have ranges, which images set.
        default: written when no precision is asked for.
    """

    formulated_as: FormulatedPrecision
    calibrated: bool
    default: bool = False


PRECISIONS: dict[str, Precision] = {
    "fp32": Precision("fp32", calibrated=False, default=True),
    "fp16": Precision("fp16", calibrated=False, default=True),  # weights; computed in either
    "int8": Precision("int8", calibrated=True, default=True),  # weights per channel, activations
    "int8_per_tensor": Precision("int8", calibrated=True),  # weights per tensor, activations
    "int16x8": Precision("int8", calibrated=True),  # int16 activations, int8 weights per channel
    "dynamic_int8": Precision("fp32", calibrated=False),  # weights; inputs rounded as they come
    "weight_int8": Precision("fp32", calibrated=False),  # weights; computed in float32
}
"""By name, in the order in which artifacts are listed. The file of each is model_NAME.tflite."""

INT8_ACTIVATIONS = ("int8", "int8_per_tensor")
"""Those that are prepared beyond ranges, and may multiply by gates in float."""

DEFAULT = tuple(name for name, precision in PRECISIONS.items() if precision.default)


def needs_calibration(names: tuple[str, ...]) -> bool:
    """Whether one of these precisions takes ranges from images."""
    return any(PRECISIONS[name].calibrated for name in names)
