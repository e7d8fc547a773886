"""A device behind a connection: what is measured there, in which order, and what is made of it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np

from ca_deploy.bench.devices.conditions import condition_warnings, cool_down, read_conditions
from ca_deploy.bench.devices.inputs import timing_images
from ca_deploy.bench.devices.protocol import Conditions, DeviceOptions, Identity, Measurement, OutputParity
from ca_deploy.bench.devices.reliability import timing_warnings
from ca_deploy.bench.devices.remote.connection import Connection
from ca_deploy.bench.devices.remote.facts import Facts, read_facts
from ca_deploy.bench.devices.remote.folder import FarFolder, far_folder
from ca_deploy.bench.devices.remote.meter import Meter, Sampled, Task
from ca_deploy.bench.devices.remote.profiler import profile_there
from ca_deploy.bench.devices.remote.runner import Runner
from ca_deploy.bench.interleave import Effort
from ca_deploy.bench.profile.times import RunTimes
from ca_deploy.bench.timing import summarize
from ca_deploy.errors import DeviceError
from ca_deploy.progress import Progress
from ca_deploy.runtimes.batches import to_layout_of
from ca_deploy.runtimes.litert import LiteRT

Connect = Callable[[], AbstractContextManager[Connection]]


class RemoteDevice:
    """A machine with a POSIX shell, to which everything that measures is sent and from which it is removed.

    Args:
        name: as the user gives it.
        connect: opens the connection.
        options: how long to wait, and what to measure with.
        meter: what times runs there; by default our own runner.
        phone: warn when the battery and the thermal state are not told.
    """

    suffixes = (".tflite",)

    def __init__(
        self,
        name: str,
        connect: Connect,
        options: DeviceOptions,
        *,
        meter: Meter | None = None,
        phone: bool = False,
    ) -> None:
        self.name = name
        self._connect = connect
        self._options = options
        self._meter = meter or Runner()
        self._phone = phone
        self._facts: Facts | None = None

    def identity(self) -> Identity:
        """What the machine said it is."""
        if self._facts is None:
            with self._connect() as connection, far_folder(connection) as folder:
                self._facts = read_facts(folder)
        facts = self._facts
        name, _, version = self._meter.runtime.partition(" ")
        return Identity(
            facts.model, facts.processor, facts.system, facts.architecture, facts.cores, {name: version}
        )

    def measure(
        self, files: Sequence[Path], threads: Sequence[int], effort: Effort, progress: Progress
    ) -> list[Measurement]:
        """Measure artifacts in turn; see `Device.measure`."""
        progress.step(f"Connecting to {self.name}")
        with self._connect() as connection, far_folder(connection) as folder:
            self._facts = read_facts(folder)
            progress.step(f"Sending the runtime and {len(files)} artifacts to {self.name}")
            self._meter.install(folder, self._facts)
            _send(folder, files)
            found: list[Measurement] = []
            for count in threads:
                start = found[0].before if found else None
                found += self._session(folder, files, count, effort, start, progress)
            return found

    def profile(self, file: Path, threads: int, warm_up_runs: int, runs: int) -> RunTimes:
        """The times of every operator of a `.tflite` file; see `Profiling.profile`."""
        with self._connect() as connection, far_folder(connection) as folder:
            self._facts = read_facts(folder)
            _send(folder, [file])
            return profile_there(
                folder,
                self._facts,
                threads=threads,
                warm_up_runs=warm_up_runs,
                runs=runs,
                seconds=self._options.timeout_seconds,
            )

    def _session(
        self,
        folder: FarFolder,
        files: Sequence[Path],
        threads: int,
        effort: Effort,
        start: Conditions | None,
        progress: Progress,
    ) -> list[Measurement]:
        """All artifacts with one number of threads, once the device is as cool as at the start."""
        assert self._facts is not None
        if start is not None:
            cool_down(folder.ask, start, self._options.cool_down_seconds, progress)
        progress.step(f"Timing {len(files)} artifacts on {self.name}, threads: {threads}")
        cores = self._facts.fastest_cores(threads)
        before = read_conditions(folder.ask)
        task = Task(files, threads, cores, effort, self._options.timeout_seconds)
        sampled = self._meter.measure(folder, task, progress)
        after = read_conditions(folder.ask)
        shared = condition_warnings(before, after, self._phone)
        return [
            self._measurement(file, threads, one, before, after, shared)
            for file, one in zip(files, sampled, strict=True)
        ]

    def _measurement(
        self,
        file: Path,
        threads: int,
        sampled: Sampled,
        before: Conditions,
        after: Conditions,
        shared: list[str],
    ) -> Measurement:
        assert self._facts is not None
        wall = summarize(sampled.samples.wall)
        doubts = timing_warnings(wall, sampled.stable, threads, self._facts.cores)
        return Measurement(
            device=self.name,
            file=file,
            runtime=self._meter.runtime,
            delegate="XNNPACK",
            threads=threads,
            wall=wall,
            cpu=summarize(sampled.samples.cpu) if sampled.samples.cpu else None,
            cold=sampled.cold,
            parity=None if sampled.output is None else _parity(self.name, file, sampled.output),
            before=before,
            after=after,
            warnings=(*shared, *sampled.warnings, *doubts),
            samples=sampled.samples,
        )


def _send(folder: FarFolder, files: Sequence[Path]) -> None:
    """Push the artifacts as `model0`, `model1`, ... and their inputs as `input0`, `input1`, ..."""
    with tempfile.TemporaryDirectory() as scratch:
        sent: dict[str, Path] = {}
        for place, file in enumerate(files):
            here = LiteRT(file)
            (info,) = here.inputs
            stored = info.to_stored(to_layout_of(info, timing_images(here)))
            given = Path(scratch) / f"input{place}"
            given.write_bytes(stored.tobytes())
            sent |= {f"model{place}": file, given.name: given}
        folder.push(sent)


def _parity(device: str, file: Path, output: bytes) -> OutputParity:
    """The first output beside this machine's LiteRT, for the same image."""
    here = LiteRT(file)
    (expected, *_) = here.run(timing_images(here))
    (info, *others) = here.outputs
    size = expected.size * info.dtype.itemsize
    if len(output) < size or (not others and len(output) != size):
        raise DeviceError(f"{device}: {file.name} gave {len(output)} bytes, not {size}")
    there = info.to_real(np.frombuffer(output[:size], info.dtype).reshape(expected.shape))
    if not (np.isfinite(expected).all() and np.isfinite(there).all()):
        raise DeviceError(f"{device}: {file.name}: its output holds NaN or infinity, there or here")
    return OutputParity.between(expected, there)
