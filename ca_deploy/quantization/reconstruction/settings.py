"""How long and how fast reconstruction learns."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """Part of what a checkpoint belongs to.

    Attributes:
        block_rounds: rounds of learning for each block.
        output_rounds: rounds of learning of biases and steps against the outputs, all blocks together.
        part: so many of those are done between two checkpoints.
        batch: images in a round.
        views: how many images a block learns from, the given ones among them and others made of those.
        dropped: share of the activations that a round leaves in float (QDrop: Wei et al., ICLR 2022).
        decisiveness: weight of undecided roundings beside the block's own error at the start.
        rounding_rate: Adam's learning rate of rounding.
        bias_rate: of biases, in steps of what their layer writes.
        scale_rate: of the logarithm of scales.
        zero_rate: of zero points.
        seed: of everything random.
    """

    block_rounds: int = 150
    output_rounds: int = 200
    part: int = 50
    batch: int = 16
    views: int = 256
    dropped: float = 0.25
    decisiveness: float = 3.0
    rounding_rate: float = 0.15
    bias_rate: float = 0.0006
    scale_rate: float = 0.01
    zero_rate: float = 0.1
    seed: int = 0
