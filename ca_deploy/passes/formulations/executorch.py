"""The forms of the graph that ExecuTorch's XNNPACK takes whole."""

from __future__ import annotations

from collections.abc import Mapping

from ca_deploy.passes.formulations.hard_swish_by_relu6 import HardSwishByRelu6
from ca_deploy.passes.formulations.means_to_pools import MeansToPools
from ca_deploy.passes.formulations.move_reshapes import MoveReshapes
from ca_deploy.passes.formulations.pool_by_convolution import PoolByConvolution
from ca_deploy.passes.formulations.split_concatenations import SplitConcatenations
from ca_deploy.passes.protocol import Pass

EXECUTORCH: Mapping[str, tuple[Pass, ...]] = {
    "fp32": (SplitConcatenations(), MoveReshapes(), MeansToPools()),
    "int8": (SplitConcatenations(), MoveReshapes(), PoolByConvolution(), HardSwishByRelu6()),
}
"""Its XNNPACK takes means over both spatial axes at once only, and pools and h_swish in float32 only."""
