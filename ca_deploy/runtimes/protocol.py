"""What every runtime offers, and which one opens a file."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ca_deploy.errors import UserError

FloatBatch = NDArray[np.float32]


@dataclass(frozen=True)
class Quantization:
    """How integers stand for real numbers: real = scale · (stored - zero point).

    Attributes:
        scales: one scale for the tensor, or one for each index along `axis`.
        zero_points: as many as scales.
        axis: the dimension that several scales run along; 0 when there is one scale.
    """

    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    axis: int = 0

    def quantize(self, real: FloatBatch, dtype: np.dtype[Any]) -> NDArray[Any]:
        """Nearest stored integers (ties to even), clipped to the range of the integer `dtype`."""
        scales, zero_points = self._along_axis(real.ndim)
        limits = np.iinfo(dtype)
        stored = np.clip(np.rint(real / scales) + zero_points, limits.min, limits.max)
        return np.asarray(stored, dtype)

    def dequantize(self, stored: NDArray[Any]) -> FloatBatch:
        """The real numbers, float32, that the integers stand for."""
        scales, zero_points = self._along_axis(stored.ndim)
        return np.asarray((stored.astype(np.float32) - zero_points) * scales, np.float32)

    def _along_axis(self, rank: int) -> tuple[FloatBatch, FloatBatch]:
        """Scales and zero points as float32 arrays that broadcast over a tensor of this rank."""
        shape = [1] * rank
        if len(self.scales) > 1:
            shape[self.axis] = len(self.scales)
        scales, zero_points = (np.asarray(v, np.float32) for v in (self.scales, self.zero_points))
        return scales.reshape(shape), zero_points.reshape(shape)


@dataclass(frozen=True)
class TensorInfo:
    """One tensor of an artifact, as the file stores it.

    Attributes:
        name: its name in the file.
        shape: its shape in the file's own layout; None where the file leaves a dimension open.
        dtype: what is stored.
        quantization: None for real numbers.
        index: its number in the file, for runtimes that number tensors; otherwise its position.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: np.dtype[Any]
    quantization: Quantization | None = None
    index: int = 0

    def to_stored(self, real: FloatBatch) -> NDArray[Any]:
        """Real numbers, float32, in the type and quantization that the file stores."""
        return self.quantization.quantize(real, self.dtype) if self.quantization else real.astype(self.dtype)

    def to_real(self, stored: NDArray[Any]) -> FloatBatch:
        """What is stored, as float32 real numbers."""
        if self.quantization:
            return self.quantization.dequantize(stored)
        return stored.astype(np.float32, copy=False)


class Runtime(Protocol):
    """A loaded artifact with one image input.

    Attributes:
        name: the library, as people call it.
        version: the library's version.
        delegate: what executes the operators inside the library, such as XNNPACK.
        threads: how many threads it may use.
        inputs: what the artifact takes.
        outputs: what it gives.
    """

    @property
    def name(self) -> str: ...  # noqa: D102  the class docstring says it

    @property
    def version(self) -> str: ...  # noqa: D102

    @property
    def delegate(self) -> str: ...  # noqa: D102

    @property
    def threads(self) -> int: ...  # noqa: D102

    @property
    def inputs(self) -> tuple[TensorInfo, ...]: ...  # noqa: D102

    @property
    def outputs(self) -> tuple[TensorInfo, ...]: ...  # noqa: D102

    def run(self, batch: FloatBatch) -> tuple[FloatBatch, ...]:
        """Run float32 images (N,C,H,W) and give each output as float32 (N, ...), dequantized.

        Quantizes and lays out the images as the artifact wants them; outputs keep the artifact's layout.

        Raises:
            ValueError: when the images do not fit the artifact's input.
        """

    def bind(self, batch: FloatBatch) -> Callable[[], None]:
        """Hand over the artifact's own batch of images and give a call that only runs it, for timing.

        Args:
            batch: float32 (B,C,H,W), as many images as the artifact takes at a time.

        Raises:
            ValueError: when the images do not fit the artifact's input.
        """


def open_runtime(path: Path, threads: int = 1) -> Runtime:
    """Load an artifact on the runtime that its suffix names.

    `.tflite` runs on LiteRT, `.onnx` and `.ort` on ONNX Runtime, `.pte` on ExecuTorch; `.mlpackage` on Core
    ML where this is a Mac, and by an interpreter of ours elsewhere.

    Raises:
        UserError: when there is no runtime for the suffix, or the file cannot be loaded.
    """
    if path.suffix == ".tflite":
        from ca_deploy.runtimes.litert import LiteRT

        return LiteRT(path, threads)
    if path.suffix in (".onnx", ".ort"):
        from ca_deploy.runtimes.onnx_runtime import OnnxRuntime

        return OnnxRuntime(path, threads)
    if path.suffix == ".pte":
        from ca_deploy.runtimes.executorch import ExecuTorch

        return ExecuTorch(path, threads)
    if path.suffix == ".mlpackage":
        return _open_package(path, threads)
    raise UserError(f"no runtime here runs {path}: give a .tflite, .onnx, .ort, .pte or .mlpackage")


def _open_package(path: Path, threads: int) -> Runtime:
    if sys.platform == "darwin":
        from ca_deploy.runtimes.core_ml import CoreML

        return CoreML(path, threads)
    from ca_deploy.runtimes.mlprogram import MLProgram

    return MLProgram(path, threads)
