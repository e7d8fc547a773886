"""What the quantize step gives."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Quantized:
    """A written .tflite.

    Attributes:
        data: the file's content.
        warnings: what had to be left out, one line each.
    """

    data: bytes
    warnings: tuple[str, ...] = ()
