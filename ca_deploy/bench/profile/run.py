"""The profile of one artifact: time for each operator and each attention block."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ca_deploy.artifact import sha256_file
from ca_deploy.bench.devices import DeviceOptions, check_options, open_device
from ca_deploy.bench.profile.attribution import attribute
from ca_deploy.bench.profile.blocks import attention_blocks
from ca_deploy.bench.profile.times import OperatorTimes, RunTimes
from ca_deploy.errors import UserError
from ca_deploy.progress import Progress
from ca_deploy.runtimes.litert import LiteRT, Node
from ca_deploy.runtimes.sources import only_input

SCHEMA_VERSION = 1
_MIDDLE = (25, 75)  # percentiles between which runs are averaged: others were disturbed, or lucky
_WARM_UP_RUNS = 20


@dataclass(frozen=True)
class OperatorCost:
    """What one operator costs, as the runtime executes it.

    Attributes:
        name: as the runtime calls it, or as the file does where the runtime has no name for it.
        microseconds: mean of the middle half of all runs, as the runtime tells it: rounded down each time.
        runs_on: `XNNPACK` or `TFLite`.
        shape: of its first output, as the file has it; None where it cannot be told.
        block: which attention block it belongs to, from 0; None outside of them, or where it cannot be told.
    """

    name: str
    microseconds: float
    runs_on: str
    shape: tuple[int | None, ...] | None
    block: int | None


@dataclass(frozen=True)
class BlockCost:
    """What one attention block costs.

    Attributes:
        input_shape: of the tensor that is attended to, NHWC.
        operators: how many the runtime executes for it.
        microseconds: their times together, as the runtime tells them.
    """

    input_shape: tuple[int | None, ...]
    operators: int
    microseconds: float


@dataclass(frozen=True)
class Profile:
    """The profile of one artifact.

    Attributes:
        file: the artifact.
        device: where it ran.
        runtime: name and version.
        threads: how many the kernels could use.
        runs: how many were looked at.
        whole_microseconds: of one run, with what rounding hides, what lies between operators, and profiling.
        operators: in the order in which they run.
        blocks: the attention blocks; None where operators of the runtime cannot be told from one another.
    """

    file: Path
    device: str
    runtime: str
    threads: int
    runs: int
    whole_microseconds: float
    operators: tuple[OperatorCost, ...]
    blocks: tuple[BlockCost, ...] | None

    @property
    def rest_per_operator(self) -> float:
        """Microseconds of a whole run that no operator's time holds, spread evenly over all operators.

        Operators are short and their times rounded down, so that the sum of these misses a part of the run.
        """
        told = sum(operator.microseconds for operator in self.operators)
        return max(0.0, self.whole_microseconds - told) / len(self.operators)

    @property
    def attention_microseconds(self) -> float | None:
        """All attention blocks together, with their part of the rest; None where they cannot be told."""
        if self.blocks is None:
            return None
        return sum(block.microseconds + block.operators * self.rest_per_operator for block in self.blocks)

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "schema_version": SCHEMA_VERSION,
            "file": self.file.name,
            "sha256": sha256_file(self.file),
            "device": self.device,
            "runtime": self.runtime,
            "threads": self.threads,
            "runs": self.runs,
            "whole_microseconds": self.whole_microseconds,
            "rest_per_operator": self.rest_per_operator,
            "attention_microseconds": self.attention_microseconds,
            "operators": [asdict(operator) for operator in self.operators],
            "blocks": None if self.blocks is None else [asdict(block) for block in self.blocks],
        }


@runtime_checkable
class Profiling(Protocol):
    """A device that can also tell what each operator costs."""

    def profile(self, file: Path, threads: int, warm_up_runs: int, runs: int) -> RunTimes:
        """The times of every operator of a `.tflite` file.

        Raises:
            DeviceError: when the device or LiteRT's profiler fails.
        """


def profile(
    file: Path, threads: int, runs: int, progress: Progress, *, device: str = "local", timeout: float = 600.0
) -> Profile:
    """Measure every operator of a `.tflite` file.

    Raises:
        UserError: when LiteRT cannot run the file, the device cannot tell, or `timeout` is none of its
            options.
        DeviceError: when the device or LiteRT's profiler fails.
    """
    if file.suffix != ".tflite":
        raise UserError(f"{file}: only .tflite files can be profiled")
    here = LiteRT(file, xnnpack=False)
    only_input(here.inputs, file)
    asked = DeviceOptions(timeout_seconds=timeout)
    check_options([device], asked)
    opened = open_device(device, asked)
    if not isinstance(opened, Profiling):
        raise UserError(f"--device {device}: cannot tell what operators cost; use local, ssh://HOST or adb")
    progress.step(f"Profiling {file.name} on {device}")
    return make_profile(file, here, device, threads, opened.profile(file, threads, _WARM_UP_RUNS, runs))


def make_profile(file: Path, here: LiteRT, device: str, threads: int, times: RunTimes) -> Profile:
    """Put the runtime's times and the file's graph together."""
    aligned = attribute(times.operators, here.nodes)
    shapes = {tensor.index: tensor.shape for tensor in here.tensors}
    blocks = attention_blocks(here.nodes, shapes)
    block_of = {node.index: place for place, block in enumerate(blocks) for node in block}
    ran: list[Node | None] = [None] * len(times.operators) if aligned is None else [*aligned]
    operators = tuple(
        OperatorCost(
            name=_name(one, node),
            microseconds=_middle_mean(one.microseconds),
            runs_on="XNNPACK" if one.node is None else "TFLite",
            shape=None if node is None else shapes[node.outputs[0]],
            block=None if node is None else block_of.get(node.index),
        )
        for one, node in zip(times.operators, ran, strict=True)
    )
    costs = [_block_cost(place, block, operators, shapes) for place, block in enumerate(blocks)]
    return Profile(
        file=file,
        device=device,
        runtime=f"{here.name} {here.version}",
        threads=threads,
        runs=len(times.whole),
        whole_microseconds=_middle_mean(times.whole),
        operators=operators,
        blocks=None if aligned is None else tuple(costs),
    )


def _name(operator: OperatorTimes, node: Node | None) -> str:
    """The runtime's name; the file's where XNNPACK has none (int8 activations that it runs as a table)."""
    return node.operator if node is not None and operator.name.startswith("Invalid") else operator.name


def _block_cost(
    place: int,
    block: tuple[Node, ...],
    operators: tuple[OperatorCost, ...],
    shapes: dict[int, tuple[int | None, ...]],
) -> BlockCost:
    mine = [operator for operator in operators if operator.block == place]
    return BlockCost(shapes[block[-1].outputs[0]], len(mine), sum(one.microseconds for one in mine))


def _middle_mean(microseconds: NDArray[np.float64]) -> float:
    """The mean of the times between the quartiles."""
    low, high = np.percentile(microseconds, _MIDDLE)
    return float(microseconds[(microseconds >= low) & (microseconds <= high)].mean())
