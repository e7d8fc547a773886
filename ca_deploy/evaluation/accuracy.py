"""What an evaluation finds out about one artifact."""

from __future__ import annotations

from dataclasses import dataclass

from ca_deploy.evaluation.intervals import Estimate


@dataclass(frozen=True)
class ClassChange:
    """How one class fares beside the float network.

    Attributes:
        label: number of the class.
        images: how many show it.
        reference: how many of them the float network has right.
        gained: how many the artifact has right and the float network wrong.
        lost: how many the float network has right and the artifact wrong.
    """

    label: int
    images: int
    reference: int
    gained: int
    lost: int


@dataclass(frozen=True)
class Move:
    """Images of one class whose answer changed alike.

    Attributes:
        label: number of the class that they show.
        before: the float network's answer.
        after: the artifact's.
        images: how many.
    """

    label: int
    before: int
    after: int
    images: int


@dataclass(frozen=True)
class Comparison:
    """An artifact beside the float network on the same images.

    Attributes:
        difference: of top-1 shares, paired; positive where the artifact is better.
        gained: images that only the artifact has right.
        lost: images that only the float network has right.
        agreement: share of images with the same top-1 class.
        sqnr_db: of all logits of all images together.
        max_abs: largest difference of any logit.
        classes: one entry per class that the images show, by number.
        moves: changed answers, most images first.
    """

    difference: Estimate
    gained: int
    lost: int
    agreement: Estimate
    sqnr_db: Estimate
    max_abs: float
    classes: tuple[ClassChange, ...]
    moves: tuple[Move, ...]


@dataclass(frozen=True)
class Accuracy:
    """How often one artifact is right.

    Attributes:
        images: how many were judged.
        top1: share whose largest logit is the right class's.
        top5: share whose right class is among the five largest; None below six classes.
        not_finite: images with NaN or Inf among the logits; they count as wrong.
        comparison: beside the float network; None without one.
    """

    images: int
    top1: Estimate
    top5: Estimate | None
    not_finite: int
    comparison: Comparison | None
