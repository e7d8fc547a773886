"""95 % confidence intervals: what the figures of a sample say about all images like it."""

from __future__ import annotations

import math
from dataclasses import dataclass

Z = 1.959964
"""The normal distribution's 97.5 % quantile."""


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % confidence interval.

    Attributes:
        value: as measured.
        low: lower end.
        high: upper end.
    """

    value: float
    low: float
    high: float


def share(count: int, images: int) -> Estimate:
    """A share (0 to 1) of images with Wilson's score interval.

    Wilson, JASA 1927; unlike value ± z · standard error it holds near 0 and 1 and for few images.
    """
    value, z2 = count / images, Z**2
    centre = (value + z2 / (2 * images)) / (1 + z2 / images)
    half = Z / (1 + z2 / images) * math.sqrt(value * (1 - value) / images + z2 / (4 * images**2))
    # The value itself at 0 and 1, where rounding would leave it outside by 1e-17.
    return Estimate(value, min(value, max(0.0, centre - half)), max(value, min(1.0, centre + half)))


def paired_difference(gained: int, lost: int, images: int) -> Estimate:
    """Difference of two shares on the same images, which is (gained - lost) / images.

    The interval is Agresti and Min's (Statistics in Medicine 2005): Wald's for matched pairs, as McNemar's
    test counts them, with half an image added to each of the four outcomes.

    Args:
        gained: images that only the second has right.
        lost: images that only the first has right.
        images: all of them.
    """
    total, more, fewer = images + 2, gained + 0.5, lost + 0.5
    centre = (more - fewer) / total
    half = Z * math.sqrt((more + fewer) - (more - fewer) ** 2 / total) / total
    return Estimate((gained - lost) / images, max(-1.0, centre - half), min(1.0, centre + half))
