"""What int8 is calibrated on: the calibration images, and neighbours of them at the network's limits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from torch import nn

from ca_deploy.progress import Progress
from ca_deploy.quantization.adversarial import adversarial_images
from ca_deploy.quantization.calibration_set import ImageSet, tracked_batches
from ca_deploy.runtimes.sources import one_line

_NONE: NDArray[np.float32] = np.zeros((0, 3, 1, 1), np.float32)


@dataclass(frozen=True, eq=False)
class Calibration:
    """Images that set ranges and biases.

    Attributes:
        images: the calibration set; whatever is an average is taken over these alone.
        limits: images (N, 3, H, W) that ranges have to hold too, N possibly 0.
        warnings: what the user should know, one line each.
    """

    images: ImageSet
    limits: NDArray[np.float32] = field(default_factory=lambda: _NONE)
    warnings: tuple[str, ...] = ()

    def batches(self, progress: Progress) -> Iterator[NDArray[np.float32]]:
        """Everything that ranges have to hold, float32 (N, 3, H, W)."""
        yield from tracked_batches(self.images, progress)
        if len(self.limits):
            yield self.limits


def calibration_of(network: nn.Module, images: ImageSet, progress: Progress) -> Calibration:
    """The calibration images with their adversarial neighbours, or with a warning why there are none.

    Args:
        network: takes (N, 3, H, W) and gives logits, in its first output.
        images: the calibration set.
        progress: shows the batches done.
    """
    try:
        return Calibration(images, adversarial_images(network, images, progress))
    except RuntimeError as error:  # PyTorch's, where a network is made of what has no gradient
        return Calibration(
            images,
            warnings=(f"ranges hold the calibration images only: no gradient ({one_line(error)})",),
        )
