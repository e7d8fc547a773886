"""What the user asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

OPTIMIZE = ("fast", "balanced", "best")
RANGES = ("minmax", "moving_average", "percentile", "mse", "entropy")
"""Of `ca_deploy.quantization.chosen_ranges`, which takes long to import."""


class Choices(TypedDict, total=False):
    """Which artifacts are written, from which images, and how.

    Attributes:
        images: folder or .npz of images for calibration and parity, or "noise"; default: the recipe's.
        seed: of the split into calibration and parity images.
        formats: which of `ca_deploy.formats.FORMATS`; default: the recipe's, or onnx and tflite, and coreml
            for the target ios where coremltools is installed.
        precision: which of `ca_deploy.precisions.PRECISIONS`; default: fp32, fp16 and int8.
        targets: which of android, x86, web and ios; default: the recipe's.
        batch: images that every .tflite takes at once; default: 1.
        optimize: how int8 is made: "fast" with measured ranges only, "balanced" (the default) with equalized
            residual streams and corrected biases too, "best" with sums and products in float and
            learned ranges and biases as well.
        optimize_minutes: how long "best" may learn for each file; default: 15. 0 learns nothing.
        adaround: let "best" learn block by block how weights are rounded, too.
        ranges: how ranges of int8 activations in .tflite files are chosen: "minmax" (the default),
            "moving_average", "percentile", "mse" or "entropy".
        keep_float: operators of int8 .tflite files that stay float32: names of the tensors that they write,
            "auto:N" for the N whose rounding costs most, or "none".
        float_gates: let int8 files multiply by gates in float; when formulations are measured, only where
            that is faster. False has none do it, whatever the recipe says.
        min_runtime: the oldest TFLite that every .tflite must run on, such as "2.14", or "none"; one that
            needs a newer one fails its verification.
        check_clients: run every .tflite in tflite-runtime 2.14.0, and those for apps in MediaPipe Tasks too;
            both are fetched into the cache first.
    """

    images: str | Path | None
    seed: int | None
    formats: Sequence[str] | None
    precision: Sequence[str] | None
    targets: Sequence[str] | None
    batch: int | None
    optimize: str | None
    optimize_minutes: float | None
    adaround: bool | None
    ranges: str | None
    keep_float: Sequence[str] | None
    float_gates: bool | None
    min_runtime: str | None
    check_clients: bool | None


@dataclass(frozen=True)
class Options:
    """What the user asked for, as given; None takes the recipe's value or the default."""

    recipe: str | None = None
    weights: Path | None = None
    model: str | None = None
    input_size: str | None = None
    images: str | Path | None = None
    seed: int | None = None
    formats: Sequence[str] | None = None
    precision: Sequence[str] | None = None
    targets: Sequence[str] | None = None
    batch: int | None = None
    optimize: str | None = None
    optimize_minutes: float | None = None
    adaround: bool | None = None
    ranges: str | None = None
    keep_float: Sequence[str] | None = None
    float_gates: bool | None = None
    min_runtime: str | None = None
    check_clients: bool | None = None
    out: Path | None = None
    threads: int | None = None
    overwrite: bool = False
    tune: str | None = None
    tune_minutes: float | None = None
    tune_save: Path | None = None
