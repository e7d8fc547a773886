"""One small function per ONNX operator, one file per kind; importing this package fills the registry."""

from ca_deploy.exporters.tflite.ops import (  # noqa: F401 - imported for the functions that register themselves
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
    space,
    transposed,
)
from ca_deploy.exporters.tflite.registry import LOWERINGS

__all__ = ["LOWERINGS"]
