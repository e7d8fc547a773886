"""What a collection of images offers: who is in it, told by content, and the pixels of those chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ca_deploy.images.loading import Skipped
from ca_deploy.images.preprocessing import Preprocessing
from ca_deploy.progress import Progress

Pixels: TypeAlias = NDArray[np.uint8] | NDArray[np.float32]
"""One image at the recipe's size: uint8 (H, W, 3) RGB, or float32 (3, H, W) already normalised."""


@dataclass(frozen=True)
class Candidate:
    """One image of a source; byte-identical copies are one.

    Attributes:
        identity: sha256 of its content, in hexadecimal.
        group: images of one group come from one photograph; None: from its own.
        places: where it and its copies are, for messages.
        index: position of its first copy in the source.
    """

    identity: str
    group: str | None
    places: tuple[str, ...]
    index: int


class ImageSource(Protocol):
    """A folder or an archive of images."""

    def candidates(self, progress: Progress) -> tuple[list[Candidate], list[Skipped]]:
        """Read every image's bytes once and decode none; what cannot even be read is skipped.

        Raises:
            UserError: when the source as a whole cannot be used.
        """

    def take(
        self, candidates: Sequence[Candidate], wanted: int, spec: Preprocessing, progress: Progress
    ) -> tuple[list[tuple[Candidate, Pixels]], list[Skipped]]:
        """The first `wanted` usable images among the candidates, in their order, and the broken ones before.

        Only the images that are returned are held in memory.
        """
