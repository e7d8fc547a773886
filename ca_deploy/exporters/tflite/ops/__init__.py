"""One small function per ONNX operator, one file per kind."""

from ca_deploy.exporters.tflite.ops import (
    activation,
    convolution,
    elementwise,
    join,
    linear,
    logic,
    normalization,
    padding,
    pooling,
    reduce,
    resize,
    selection,
    shape,
    transposed,
)
from ca_deploy.exporters.tflite.registry import LOWERINGS

KINDS = (
    activation,
    convolution,
    elementwise,
    join,
    linear,
    logic,
    normalization,
    padding,
    pooling,
    reduce,
    resize,
    selection,
    shape,
    transposed,
)
"""The files of this package; importing them fills `LOWERINGS`."""

__all__ = ["KINDS", "LOWERINGS"]
