"""The times that LiteRT's profiler tells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ca_deploy.errors import DeviceError

# One operator of one run: its name, its number in the file where TFLite's own kernel ran it, microseconds.
Told = tuple[str, int | None, float]


@dataclass(frozen=True)
class OperatorTimes:
    """One operator as the runtime executes it: an operator of the file, or what XNNPACK made of one or more.

    Attributes:
        name: as the runtime calls it.
        node: its number in the file, where TFLite's own kernel ran it; None for XNNPACK's.
        microseconds: one time for each run.
    """

    name: str
    node: int | None
    microseconds: NDArray[np.float64]


@dataclass(frozen=True)
class RunTimes:
    """The times of some runs.

    Attributes:
        whole: microseconds of each whole run, with what lies between operators and the profiler's own work.
        operators: in the order in which they run.
    """

    whole: NDArray[np.float64]
    operators: tuple[OperatorTimes, ...]


def run_times(whole: Sequence[float], runs: Sequence[Sequence[Told]]) -> RunTimes:
    """Put runs together, operator by operator.

    Args:
        whole: microseconds of each whole run.
        runs: the operators of each, in the order in which they ran.

    Raises:
        DeviceError: when runs differ in their operators.
    """
    if len({tuple((name, node) for name, node, _ in run) for run in runs}) != 1:
        raise DeviceError("LiteRT's profiler gave different operators for different runs")
    operators = tuple(
        OperatorTimes(name=column[0][0], node=column[0][1], microseconds=np.array([one[2] for one in column]))
        for column in zip(*runs, strict=True)
    )
    return RunTimes(np.array(whole, np.float64), operators)
