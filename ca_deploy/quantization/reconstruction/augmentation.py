"""More images from few: what a trained network takes for images of the same kind."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

_SHIFT = 1 / 16
"""Of the image's side, at most, either way."""


def augmented(images: Tensor, generator: Generator) -> Tensor:
    """Each image mirrored or not, and shifted; borders are repeated.

    The float network is the teacher, so that no label has to survive.

    Args:
        images: (N, H, W, C) float32.
        generator: what is random comes from it.
    """
    count, height, width, _ = images.shape
    mirrored = torch.rand(count, generator=generator) < 0.5
    images = torch.where(mirrored[:, None, None, None], images.flip(2), images)
    rows, columns = (max(1, round(side * _SHIFT)) for side in (height, width))
    padded = F.pad(images.permute(0, 3, 1, 2), (columns, columns, rows, rows), mode="replicate")
    tops = torch.randint(0, 2 * rows + 1, (count,), generator=generator).tolist()
    lefts = torch.randint(0, 2 * columns + 1, (count,), generator=generator).tolist()
    cut = [
        image[:, top : top + height, left : left + width]
        for image, top, left in zip(padded, tops, lefts, strict=True)
    ]
    return torch.stack(cut).permute(0, 2, 3, 1)
