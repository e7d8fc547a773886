"""Counts of right and wrong answers, image by image, in memory that does not grow with their number."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from ca_deploy.evaluation.accuracy import Accuracy, ClassChange, Comparison, Move
from ca_deploy.evaluation.intervals import paired_difference, share
from ca_deploy.evaluation.noise import Logits, RunningNoise

Numbers = NDArray[np.int64]

_TOP = 5
_NONE = -1  # the answer of an image whose logits are not finite


class Tally:
    """One artifact's answers, and beside them the float network's where there is one.

    Args:
        classes: number of logits.
    """

    def __init__(self, classes: int) -> None:
        self._top5 = 0 if classes > _TOP else None
        self._right = self._not_finite = self._images = self._agreeing = 0
        self._compared = False
        self._per_class = np.zeros((4, classes), np.int64)  # images, reference right, gained, lost
        self._moves: Counter[tuple[int, int, int]] = Counter()
        self._noise = RunningNoise()

    def add(self, labels: Numbers, logits: Logits, reference: Logits | None) -> None:
        """Count images.

        Args:
            labels: (N,) numbers of the right classes.
            logits: (N, classes) of the artifact, dequantized.
            reference: the float network's; None without one, always or never.
        """
        answers = _answers(logits)
        right = answers == labels
        self._images += len(labels)
        self._right += int(right.sum())
        self._not_finite += int((answers == _NONE).sum())
        if self._top5 is not None:
            # Stable, so that of equal logits (int8 has many) the first classes count, as in top-1.
            best = np.argsort(-np.nan_to_num(logits), axis=1, kind="stable")[:, :_TOP]
            self._top5 += int(((best == labels[:, None]).any(axis=1) & (answers != _NONE)).sum())
        np.add.at(self._per_class[0], labels, 1)
        if reference is not None:
            self._compare(labels, right, answers, logits, reference)

    def _compare(
        self, labels: Numbers, right: NDArray[np.bool_], answers: Numbers, logits: Logits, reference: Logits
    ) -> None:
        self._compared = True
        expected = _answers(reference)
        before = expected == labels
        for row, chosen in enumerate((before, right & ~before, before & ~right), start=1):
            np.add.at(self._per_class[row], labels[chosen], 1)
        changed = expected != answers
        self._agreeing += int((~changed).sum())
        moves = zip(labels[changed], expected[changed], answers[changed], strict=True)
        self._moves.update((int(label), int(old), int(new)) for label, old, new in moves)
        self._noise.add(reference, np.nan_to_num(logits))

    def accuracy(self) -> Accuracy:
        """What was counted.

        Raises:
            ValueError: when nothing was.
        """
        if not self._images:
            raise ValueError("no images were counted")
        return Accuracy(
            self._images,
            share(self._right, self._images),
            None if self._top5 is None else share(self._top5, self._images),
            self._not_finite,
            self._comparison() if self._compared else None,
        )

    def _comparison(self) -> Comparison:
        gained, lost = (int(self._per_class[row].sum()) for row in (2, 3))
        shown = np.flatnonzero(self._per_class[0])
        return Comparison(
            paired_difference(gained, lost, self._images),
            gained,
            lost,
            share(self._agreeing, self._images),
            self._noise.sqnr_db(),
            self._noise.max_abs,
            tuple(ClassChange(int(label), *map(int, self._per_class[:, label])) for label in shown),
            tuple(Move(*move, count) for move, count in sorted(self._moves.items(), key=_by_count)),
        )


def _by_count(item: tuple[tuple[int, int, int], int]) -> tuple[int, tuple[int, int, int]]:
    move, count = item
    return -count, move


def _answers(logits: Logits) -> Numbers:
    """The class of each row's largest logit; none where they are not finite."""
    finite = np.isfinite(logits).all(axis=1)
    return np.where(finite, np.argmax(np.nan_to_num(logits), axis=1), _NONE)
