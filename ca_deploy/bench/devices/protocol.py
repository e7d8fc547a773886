"""What every device offers and gives back, whatever it is and however it is reached."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from ca_deploy.bench.interleave import Effort, Samples
from ca_deploy.bench.timing import Ratio, Timing, ratio
from ca_deploy.metrics import sqnr_db
from ca_deploy.progress import Progress
from ca_deploy.runtimes.protocol import FloatBatch


@dataclass(frozen=True)
class DeviceOptions:
    """What some devices can be told; the others ignore it.

    Attributes:
        benchmark_binary: TFLite's `benchmark_model` for the phone's architecture, which then measures instead
            of the runner that comes with ca-deploy (adb).
        insecure: serve the page without encryption (browser).
        cool_down_seconds: longest time to wait between sessions for the device to cool (ssh, adb).
        timeout_seconds: longest time for one session on the device (ssh, adb).
    """

    benchmark_binary: Path | None = None
    insecure: bool = False
    cool_down_seconds: float = 0.0
    timeout_seconds: float = 600.0


@dataclass(frozen=True)
class Identity:
    """What a device is.

    Attributes:
        model: the machine or phone.
        processor: its processor or system on a chip.
        system: operating system and version.
        architecture: such as `x86_64` or `aarch64`.
        cores: how many it offers.
        versions: of the runtimes that measure there, and of what emulates them.
        emulated: its figures are not a machine's own.
    """

    model: str
    processor: str
    system: str
    architecture: str
    cores: int
    versions: Mapping[str, str]
    emulated: bool = False


@dataclass(frozen=True)
class ColdStart:
    """An artifact in a process of its own, just after its runtime is imported.

    Attributes:
        load_ms: from the file to a runtime that is ready.
        first_ms: the first inference.
        peak_bytes: how much its peak of resident memory is above that before loading; None if unknown.
    """

    load_ms: float
    first_ms: float
    peak_bytes: int | None


@dataclass(frozen=True)
class Instructions:
    """Exact instructions of one inference, warm.

    Attributes:
        total: all of them.
        classes: how many of each class; an instruction may belong to several, or to none.
    """

    total: int
    classes: Mapping[str, int]


@dataclass(frozen=True)
class Conditions:
    """The state of a device just before or after a session; None where it does not say.

    Attributes:
        celsius: the temperature that limits it: a phone's skin, a board's processor.
        throttled: it was running slower than it could, to stay cool or for want of power.
        governor: what chooses the processor's frequency.
        battery_percent: how full the battery is.
        charging: whether it is being charged, which warms it.
    """

    celsius: float | None = None
    throttled: bool | None = None
    governor: str | None = None
    battery_percent: int | None = None
    charging: bool | None = None


_SILENT_DB = 10 * math.log10(sys.float_info.min)  # beside noise of 1; JSON has no infinity


@dataclass(frozen=True)
class OutputParity:
    """How an artifact's first output on a device compares with LiteRT's on this machine, for the same image.

    Attributes:
        identical: every stored value is the same.
        max_abs: largest absolute difference, dequantized.
        sqnr_db: signal to quantization noise ratio; None when there is no noise, and that of the smallest
            signal where this machine's output is all zero.
    """

    identical: bool
    max_abs: float
    sqnr_db: float | None

    @classmethod
    def between(cls, here: FloatBatch, there: FloatBatch) -> OutputParity:
        """Compare two outputs of the same shape."""
        noise_free = bool(np.array_equal(here, there))
        decibel = None if noise_free else max(sqnr_db(here, there), _SILENT_DB)
        return cls(noise_free, float(np.max(np.abs(here - there), initial=0.0)), decibel)


@dataclass(frozen=True)
class Measurement:
    """One artifact on one device with one number of threads.

    Attributes:
        device: the device's name.
        file: the artifact.
        runtime: name and version of what ran it.
        delegate: what executed its operators.
        threads: how many threads it could use.
        wall: time that passed; None where only instructions are counted.
        cpu: processor time: of the calling thread with one thread, of the process with more.
        cold: its start in a process of its own, when asked for.
        instructions: None where times are measured.
        parity: of the output with this machine's, for devices that send it back.
        before: the device's state before the session, for devices that tell.
        after: its state after it.
        warnings: what makes the figures doubtful.
        samples: the single runs behind `wall` and `cpu`, for `compare`.
    """

    device: str
    file: Path
    runtime: str
    delegate: str
    threads: int
    wall: Timing | None = None
    cpu: Timing | None = None
    cold: ColdStart | None = None
    instructions: Instructions | None = None
    parity: OutputParity | None = None
    before: Conditions | None = None
    after: Conditions | None = None
    warnings: tuple[str, ...] = ()
    samples: Samples | None = field(default=None, repr=False)

    def document(self) -> dict[str, Any]:
        """For JSON: all figures, without the single runs; the file by its name."""
        values = {name: value for name, value in vars(self).items() if name not in ("samples", "file")}
        return {"file": self.file.name} | {name: _plain(value) for name, value in values.items()}


class Device(Protocol):
    """Where artifacts are measured.

    Attributes:
        name: as the user gives it, such as `local` or `emulated:cortex-a76`.
        suffixes: of the files that it runs.
    """

    @property
    def name(self) -> str: ...  # noqa: D102  the class docstring says it

    @property
    def suffixes(self) -> tuple[str, ...]: ...  # noqa: D102  likewise

    def identity(self) -> Identity:
        """What the device is; some know it only once they have measured.

        Raises:
            DeviceError: when it cannot be asked.
        """

    def measure(
        self, files: Sequence[Path], threads: Sequence[int], effort: Effort, progress: Progress
    ) -> list[Measurement]:
        """Measure artifacts beside each other, once for each number of threads.

        Returns:
            For each number of threads, each file in the order given.

        Raises:
            UserError: when an artifact cannot be run.
            DeviceError: when the device fails.
        """


@runtime_checkable
class Selective(Protocol):
    """A device that runs not every file of its suffixes."""

    def refusal(self, file: Path) -> str | None:
        """Why it does not run a file, to be read behind its name; None when it does."""


@runtime_checkable
class Surprising(Protocol):
    """A device that finds out only while it measures what it does not run.

    Attributes:
        left_out: files that its last session did not run, or not every way, each with the reason.
    """

    @property
    def left_out(self) -> Mapping[Path, str]: ...  # noqa: D102  the class docstring says it


def compared_quantity(measurement: Measurement) -> str:
    """What measurements are compared by: `instructions`, `cpu` or `wall`.

    Instructions, which are exact, where they were counted; otherwise processor time on one thread, where the
    device tells it, and time that passed on more, whose threads wait for one another.
    """
    if measurement.instructions:
        return "instructions"
    return "cpu" if measurement.threads == 1 and measurement.cpu else "wall"


def compare(first: Measurement, second: Measurement) -> Ratio:
    """How much one measurement takes over another of the same session; see `compared_quantity`.

    Raises:
        ValueError: when the measurements are not of one session, or the clock saw no time pass.
    """
    if first.instructions and second.instructions:
        exact = first.instructions.total / second.instructions.total
        return Ratio(exact, exact, exact)
    if not first.samples or not second.samples or compared_quantity(first) != compared_quantity(second):
        raise ValueError(f"{first.device} and {second.device} did not measure the same quantity")
    if compared_quantity(first) == "cpu":
        return ratio(first.samples.cpu, second.samples.cpu)
    return ratio(first.samples.wall, second.samples.wall)


def _plain(value: Any) -> Any:
    return asdict(value) if hasattr(value, "__dataclass_fields__") else value
