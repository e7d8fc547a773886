"""Axis after axis, the fastest candidate that still agrees with the reference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ca_deploy.recipe import Formulation
from ca_deploy.tuning.candidates import Axis, candidates


@dataclass(frozen=True)
class Trial:
    """One candidate as it was measured beside the formulation that it would replace.

    Attributes:
        formulation: the candidate.
        cost: of one inference: the median time, or exact instructions.
        unit: of the cost, `ms` or `instructions`.
        ratio: its cost over that of the formulation it would replace.
        ratio_high: upper end of that ratio's 95 % interval; the ratio itself where costs are exact.
        sqnr_db: of the block's output against float32.
        agrees: whether that holds the tolerance.
    """

    formulation: Formulation
    cost: float
    unit: str
    ratio: float
    ratio_high: float
    sqnr_db: float
    agrees: bool

    @property
    def wins(self) -> bool:
        """Whether it is faster beyond doubt, and agrees."""
        return self.agrees and self.ratio_high < 1.0


@dataclass(frozen=True)
class Found:
    """What a search chose, and everything that it tried, in order.

    Attributes:
        formulation: the fastest.
        trials: every candidate that made a file of its own.
        complete: whether every candidate was tried.
    """

    formulation: Formulation
    trials: tuple[Trial, ...]
    complete: bool


Measure = Callable[[Formulation, Formulation], Trial | None]
"""Measures a candidate beside the formulation that it would replace; None when that says nothing new, since
both make the same file or the two were compared before."""


def search(
    start: Formulation, axes: Sequence[Axis], measure: Measure, out_of_time: Callable[[], bool]
) -> Found:
    """Choose along one axis after another; a tie keeps what was there.

    Time is looked at before every candidate: what has won until then is kept.

    Args:
        start: every key stated.
        axes: in the order in which they are tried.
        measure: one candidate beside the best of the axes before.
        out_of_time: whether to go on with what was found so far.
    """
    best, trials = start, list[Trial]()
    for axis in axes:
        tried, complete = _tried(best, axis, measure, out_of_time)
        trials += tried
        winners = [trial for trial in tried if trial.wins]
        if winners:
            best = min(winners, key=lambda trial: trial.ratio).formulation
        if not complete:
            return Found(best, tuple(trials), complete=False)
    return Found(best, tuple(trials), complete=True)


def _tried(
    current: Formulation, axis: Axis, measure: Measure, out_of_time: Callable[[], bool]
) -> tuple[list[Trial], bool]:
    """The trials of one axis, and whether time sufficed for all of them."""
    tried: list[Trial] = []
    for candidate in candidates(current, axis):
        if out_of_time():
            return tried, False
        if trial := measure(candidate, current):
            tried.append(trial)
    return tried, True
