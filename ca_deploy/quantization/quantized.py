"""What the quantize step gives."""

from __future__ import annotations

from dataclasses import dataclass

from ca_deploy.quantization.reconstruction import Reconstruction


@dataclass(frozen=True)
class Quantized:
    """A written .tflite.

    Attributes:
        data: the file's content.
        warnings: what had to be left out, one line each.
        reconstruction: what was learned; None where nothing was.
        simulation_db: how far the simulation that decided something is from the kernels (`distance_db`); None
            where nothing was simulated.
    """

    data: bytes
    warnings: tuple[str, ...] = ()
    simulation_db: float | None = None
    reconstruction: Reconstruction | None = None
