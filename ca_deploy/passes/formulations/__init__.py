"""Formulations: exact rewrites that one target and precision runs faster than the canonical graph.

Which form is fastest where was measured (docs/performance.md).
"""

from __future__ import annotations

from collections.abc import Mapping

from ca_deploy.passes.formulations.convolve_before_pooling import ConvolveBeforePooling
from ca_deploy.passes.formulations.hard_swish_by_relu6 import HardSwishByRelu6
from ca_deploy.passes.formulations.move_reshapes import MoveReshapes
from ca_deploy.passes.formulations.split_concatenations import SplitConcatenations
from ca_deploy.passes.protocol import Pass

_APART: tuple[Pass, ...] = (SplitConcatenations(), MoveReshapes())
_ARM: Mapping[str, tuple[Pass, ...]] = {
    "fp32": _APART,
    "fp16": _APART,
    "int8": (*_APART, HardSwishByRelu6()),
}
_X86: Mapping[str, tuple[Pass, ...]] = {
    **_ARM,
    "int8": (*_APART, ConvolveBeforePooling(), HardSwishByRelu6()),
}

FORMULATIONS: Mapping[str, Mapping[str, tuple[Pass, ...]]] = {
    "android": _ARM,
    "ios": _ARM,
    "web": _ARM,
    "x86": _X86,
}
"""Target -> precision -> passes behind the canonical ones, in order."""
