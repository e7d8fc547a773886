"""Formulations: exact rewrites that one target and precision runs faster than the canonical graph.

Which form is fastest where was measured (docs/performance.md); `--tune` measures it again, block by block.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ca_deploy.passes.formulations.convolve_before_pooling import ConvolveBeforePooling
from ca_deploy.passes.formulations.gates import MultiplyGatesFirst, SwapGates
from ca_deploy.passes.formulations.hard_swish_by_relu6 import HardSwishByRelu6
from ca_deploy.passes.formulations.move_reshapes import MoveReshapes
from ca_deploy.passes.formulations.pool_by_convolution import PoolByConvolution
from ca_deploy.passes.formulations.split_concatenations import SplitConcatenations
from ca_deploy.passes.protocol import NodePass, Pass
from ca_deploy.passes.within import Within
from ca_deploy.recipe import Formulation


@dataclass(frozen=True)
class Offer:
    """A pass, and what a formulation says where it is wanted.

    Attributes:
        key: of the formulation.
        values: of that key.
        step: the pass.
    """

    key: str
    values: tuple[str, ...]
    step: NodePass

    def is_wanted(self, formulation: Formulation) -> bool:
        """Whether a formulation asks for the pass."""
        return getattr(formulation, self.key) in self.values


FORMULATIONS: tuple[Offer, ...] = (
    Offer("convolution", ("apart", "before-pooling"), SplitConcatenations()),
    Offer("convolution", ("apart", "before-pooling"), MoveReshapes()),
    Offer("convolution", ("before-pooling",), ConvolveBeforePooling()),
    Offer("pooling", ("convolution",), PoolByConvolution()),
    Offer("h_swish", ("relu6",), HardSwishByRelu6()),
    Offer("gates", ("swapped",), SwapGates()),
    Offer("gates", ("multiplied-first",), MultiplyGatesFirst()),
)
"""The passes behind the canonical ones, in order."""

_FLOAT = Formulation(
    convolution="apart", pooling="mean", h_swish="operator", gates="as-written", arithmetic="int8"
)
_ARM = {"fp32": _FLOAT, "fp16": _FLOAT, "int8": _FLOAT.model_copy(update={"h_swish": "relu6"})}
_X86 = {**_ARM, "int8": _ARM["int8"].model_copy(update={"convolution": "before-pooling"})}

DEFAULTS: Mapping[str, Mapping[str, Formulation]] = {
    "android": _ARM,
    "ios": _ARM,
    "web": _ARM,
    "x86": _X86,
}
"""Target -> precision -> how every block is written unless its own formulation says otherwise."""


def default_formulation(target: str, precision: str, float_gates: bool = False) -> Formulation:
    """How blocks are written for a target and precision, every key stated.

    Args:
        target: such as `android`.
        precision: such as `int8`.
        float_gates: whether an int8 file may multiply by gates in float.
    """
    default = DEFAULTS[target][precision]
    return default.model_copy(update={"arithmetic": "float"}) if float_gates else default


def completed(own: Formulation, default: Formulation) -> Formulation:
    """A formulation with every key stated: its own, and the default's where it says nothing."""
    return default.model_copy(update=own.model_dump(exclude_none=True))


def formulation_passes(default: Formulation, blocks: Mapping[str, Formulation]) -> tuple[Pass, ...]:
    """The passes that write a canonical graph so.

    Args:
        default: how blocks are written, every key stated.
        blocks: how single ones are, by the paths of their modules.
    """
    stated = {path: completed(own, default) for path, own in blocks.items()}
    return tuple(filter(None, (_offered(offer, default, stated) for offer in FORMULATIONS)))


def _offered(offer: Offer, default: Formulation, blocks: Mapping[str, Formulation]) -> Pass | None:
    """The pass, kept to where it is wanted; None where that is nowhere."""
    everywhere = offer.is_wanted(default)
    others = frozenset(path for path, own in blocks.items() if offer.is_wanted(own) != everywhere)
    if not others:
        return offer.step if everywhere else None
    return Within(offer.step, others, listed=not everywhere)
