"""An ARM core under QEMU: exact instruction counts, never times, which would say nothing about a phone."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ca_deploy.bench import toolchain
from ca_deploy.bench.devices.inputs import timing_images
from ca_deploy.bench.devices.protocol import Identity, Instructions, Measurement
from ca_deploy.bench.interleave import Effort
from ca_deploy.errors import DeviceError, UserError, last_line
from ca_deploy.progress import Progress
from ca_deploy.runtimes.batches import to_layout_of
from ca_deploy.runtimes.litert import LiteRT
from ca_deploy.runtimes.protocol import FloatBatch, TensorInfo

_RUNS = 4  # memory settles in the first two, the other two must agree
_LONGEST_SECONDS = 600
_OLDEST_QEMU, _NEWEST_QEMU = 7, 8  # those with version 1 of the plugin interface


@dataclass(frozen=True)
class EmulatedRun:
    """One artifact on an emulated core.

    Attributes:
        output: float32, dequantized, as `Runtime.run` gives it; None when the artifact has several.
        instructions: of one inference, when those before it have prepared everything.
        reproduced: the inference before it took exactly as many.
    """

    output: FloatBatch | None
    instructions: Instructions
    reproduced: bool


class EmulatedArm:
    """LiteRT for aarch64 Linux on one of QEMU's ARM cores.

    Args:
        core: `cortex-a53`, `cortex-a72` or `cortex-a76`; never QEMU's `max`, with which XNNPACK takes SME
            kernels that come out wrong there.

    Raises:
        UserError: when it is another.
    """

    suffixes = (".tflite",)

    def __init__(self, core: str) -> None:
        if core not in toolchain.LEVEL_2_CACHE:
            known = ", ".join(f"emulated:{name}" for name in toolchain.LEVEL_2_CACHE)
            raise UserError(f"--device emulated:{core} is unknown: use one of {known}")
        self.name = f"emulated:{core}"
        self._core = core

    def identity(self) -> Identity:
        """The core, and what emulates it."""
        return Identity(
            model=f"{self._core}, emulated",
            processor=self._core,
            system="Linux, QEMU user mode",
            architecture="aarch64",
            cores=1,
            versions={"LiteRT": LiteRT.version, "QEMU": _qemu_version(toolchain.tool("qemu-aarch64"))},
            emulated=True,
        )

    def measure(
        self, files: Sequence[Path], threads: Sequence[int], effort: Effort, progress: Progress
    ) -> list[Measurement]:
        """Count the instructions of each `.tflite` file; see `Device.measure`.

        Counts are exact, so that one look is enough: whatever `threads` and `effort` say, each file is
        counted once, on one thread.
        """
        progress.step(f"Counting instructions on {self.name}")
        return [self._measurement(file) for file in progress.track(files, len(files), "artifacts")]

    def run(self, file: Path, images: FloatBatch) -> EmulatedRun:
        """Run one batch of images, float32 (B,C,H,W), as many as the artifact takes at a time.

        Raises:
            UserError: when LiteRT cannot load the file.
            DeviceError: when a tool is missing, or the emulated runtime fails.
        """
        here = LiteRT(file)
        (given,) = here.inputs
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            (folder / "input").write_bytes(given.to_stored(to_layout_of(given, images)).tobytes())
            self._emulate(file, folder)
            counts: list[dict[str, int]] = json.loads((folder / "counts").read_text())
            output = _read_output((folder / "output").read_bytes(), here.outputs)
        *_, before, last = counts
        return EmulatedRun(output, _instructions(last), reproduced=before == last)

    def _measurement(self, file: Path) -> Measurement:
        if file.suffix != ".tflite":
            raise UserError(f"{self.name} runs .tflite files only, not {file}")
        done = self.run(file, timing_images(LiteRT(file)))
        return Measurement(
            device=self.name,
            file=file,
            runtime=f"{LiteRT.name} {LiteRT.version}",
            delegate="XNNPACK",
            threads=1,
            instructions=done.instructions,
            warnings=() if done.reproduced else ("two inferences took different numbers of instructions",),
        )

    def _emulate(self, file: Path, folder: Path) -> None:
        """Run a file on `folder`/input; leaves `folder`/output and `folder`/counts.

        The program sees the same names and no environment wherever this happens: the lengths of both shift
        its memory, and with it what copying takes, by a few instructions.
        """
        qemu = toolchain.tool("qemu-aarch64")
        _qemu_version(qemu)
        for name, target in (
            ("runner", toolchain.program("runner")),
            ("libLiteRt.so", toolchain.litert_library(LiteRT.version)),
            ("model", file.resolve()),
        ):
            (folder / name).symlink_to(target)
        root = toolchain.core_root(self._core)
        plugin = f"{toolchain.instruction_counter()},out=counts"
        emulator = (qemu, "-cpu", self._core, "-L", str(root), "-plugin", plugin)
        one_round = ("1", "1", str(_RUNS), "0", "0", "all")  # threads, rounds, runs, times, cores
        program = ("./runner", "./libLiteRt.so", *one_round, "model", "input", "output")
        _run(file, self.name, (*emulator, *program), folder)


def _run(file: Path, device: str, command: Sequence[str], folder: Path) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={},
            capture_output=True,
            text=True,
            check=False,
            timeout=_LONGEST_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise DeviceError(f"{file} took over {_LONGEST_SECONDS} s on {device}") from error
    if done.returncode:
        complaint = last_line(done.stderr, f"exit status {done.returncode}")
        raise DeviceError(f"{file} failed on {device}: {complaint}")


def _qemu_version(qemu: str) -> str:
    """The emulator's version, which must be one that the plugin is written for."""
    first_line = subprocess.run([qemu, "--version"], capture_output=True, text=True, check=True).stdout
    version = first_line.split()[2]
    if not _OLDEST_QEMU <= int(version.partition(".")[0]) <= _NEWEST_QEMU:
        wanted = f"install a version from {_OLDEST_QEMU} to {_NEWEST_QEMU}"
        raise DeviceError(f"QEMU {version} cannot load the plugin that counts instructions: {wanted}")
    return version


def _instructions(counts: dict[str, int]) -> Instructions:
    classes = dict(counts)
    return Instructions(total=classes.pop("all"), classes=classes)


def _read_output(stored: bytes, outputs: tuple[TensorInfo, ...]) -> FloatBatch | None:
    if len(outputs) > 1:
        return None
    (info,) = outputs
    shape = [n or 1 for n in info.shape]
    return info.to_real(np.frombuffer(stored, info.dtype).reshape(shape))
