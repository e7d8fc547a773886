"""The form of the graph for ONNX Runtime's mobile packages, whatever the target."""

from __future__ import annotations

from ca_deploy.passes.formulations.convolve_before_pooling import ConvolveBeforePooling
from ca_deploy.passes.formulations.hard_swish_by_relu6 import HardSwishByRelu6
from ca_deploy.passes.formulations.means_to_pools import MeansToPools
from ca_deploy.passes.formulations.move_reshapes import MoveReshapes
from ca_deploy.passes.formulations.split_concatenations import SplitConcatenations
from ca_deploy.passes.protocol import Pass

ONNX_RUNTIME: tuple[Pass, ...] = (
    SplitConcatenations(),
    MoveReshapes(),
    ConvolveBeforePooling(),
    HardSwishByRelu6(),
    MeansToPools(),
)
"""Operators that its NNAPI and Core ML providers take, and that run in int8 (docs/onnx-runtime.md)."""
