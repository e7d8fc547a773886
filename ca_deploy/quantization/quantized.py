"""What the quantize step gives."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Quantized:
    """A written .tflite.

    Attributes:
        data: the file's content.
        warnings: what had to be left out, one line each.
        simulation_db: how far the simulation that decided something is from the kernels (`distance_db`); None
            where nothing was simulated.
    """

    data: bytes
    warnings: tuple[str, ...] = ()
    simulation_db: float | None = None
