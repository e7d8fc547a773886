"""This machine."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from ca_deploy.bench.child import run_module
from ca_deploy.bench.devices.conditions import condition_warnings, read_conditions
from ca_deploy.bench.devices.inputs import timing_images
from ca_deploy.bench.devices.protocol import ColdStart, Identity, Measurement
from ca_deploy.bench.devices.questions import shell_here
from ca_deploy.bench.devices.reliability import timing_warnings
from ca_deploy.bench.interleave import Clock, Effort, Samples, interleave, warm_up
from ca_deploy.bench.profile.times import RunTimes
from ca_deploy.bench.timing import summarize
from ca_deploy.errors import DeviceError, last_line
from ca_deploy.machine import available_cores
from ca_deploy.progress import Progress
from ca_deploy.runtimes import Runtime, open_runtime
from ca_deploy.runtimes.batches import to_layout_of


class LocalDevice:
    """This machine: each artifact on the runtime that its suffix names, in this process."""

    name = "local"
    suffixes = (".tflite", ".onnx", ".ort")

    def identity(self) -> Identity:
        """What this machine is."""
        return Identity(
            model=_model(),
            processor=_processor(),
            system=f"{platform.system()} {platform.release()}",
            architecture=platform.machine(),
            cores=available_cores(),
            versions={
                "LiteRT": version("ai-edge-litert"),
                "ONNX Runtime": version("onnxruntime"),
                "Python": platform.python_version(),
            },
        )

    def measure(
        self, files: Sequence[Path], threads: Sequence[int], effort: Effort, progress: Progress
    ) -> list[Measurement]:
        """Measure artifacts in turn; see `Device.measure`."""
        return [m for count in threads for m in self._measure(files, count, effort, progress)]

    def profile(self, file: Path, threads: int, warm_up_runs: int, runs: int) -> RunTimes:
        """The times of every operator of a `.tflite` file; see `Profiling.profile`."""
        from ca_deploy.bench.profile.events import Profiler
        from ca_deploy.runtimes.litert import LiteRT

        here = LiteRT(file)
        (info,) = here.inputs
        stored = info.to_stored(to_layout_of(info, timing_images(here)))
        profiler = Profiler(file, threads, stored.tobytes())
        profiler.run(warm_up_runs)
        return profiler.profile(runs)

    def _measure(
        self, files: Sequence[Path], threads: int, effort: Effort, progress: Progress
    ) -> list[Measurement]:
        progress.step(f"Timing {len(files)} artifacts on {threads} thread{'s' * (threads > 1)}")
        runtimes = [open_runtime(file, threads) for file in files]
        runs = [runtime.bind(timing_images(runtime)) for runtime in runtimes]
        clock = Clock.of_threads(threads)
        stable = [warm_up(run, effort.warm_up_seconds, clock) for run in runs]
        before = read_conditions(shell_here)
        samples = interleave(runs, effort, clock, progress)
        after = read_conditions(shell_here)
        cold = [_cold_start(file, threads) if effort.cold_start else None for file in files]
        doubts = condition_warnings(before, after, phone=False)
        return [
            replace(one, before=before, after=after, warnings=(*doubts, *one.warnings))
            for one in map(self._measurement, files, runtimes, stable, samples, cold)
        ]

    def _measurement(
        self, file: Path, runtime: Runtime, stable: bool, samples: Samples, cold: ColdStart | None
    ) -> Measurement:
        wall = summarize(samples.wall)
        return Measurement(
            device=self.name,
            file=file,
            runtime=f"{runtime.name} {runtime.version}",
            delegate=runtime.delegate,
            threads=runtime.threads,
            wall=wall,
            cpu=summarize(samples.cpu),
            cold=cold,
            warnings=tuple(timing_warnings(wall, stable, runtime.threads, available_cores())),
            samples=samples,
        )


def _cold_start(file: Path, threads: int) -> ColdStart:
    done = run_module("ca_deploy.bench.devices.cold_start", str(file), str(threads))
    if done.returncode:
        complaint = last_line(done.stderr, f"exit status {done.returncode}")
        raise DeviceError(f"{file} could not be started in a process of its own: {complaint}")
    return ColdStart(**json.loads(done.stdout))


def _model() -> str:
    """What the machine calls itself: a board's device tree, or a PC's or virtual machine's product name."""
    sources = (Path("/sys/firmware/devicetree/base/model"), Path("/sys/class/dmi/id/product_name"))
    names = (source.read_text().strip("\0\n ") for source in sources if os.access(source, os.R_OK))
    return next(names, "") or "unknown"


def _processor() -> str:
    """The processor's name as Linux gives it, or its architecture."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "Model"))]
    return names[0] if names else platform.processor() or platform.machine()
