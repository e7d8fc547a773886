"""What the user asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

OPTIMIZE = ("fast", "balanced", "best")
RANGES = ("minmax", "moving_average", "percentile", "mse", "entropy")
"""Of `ca_deploy.quantization.chosen_ranges`, which takes long to import."""


@dataclass(frozen=True)
class Options:
    """What the user asked for, as given; None takes the recipe's value or the default."""

    recipe: str | None = None
    weights: Path | None = None
    model: str | None = None
    images: str | None = None
    out: Path | None = None
    input_size: str | None = None
    batch: int | None = None
    precision: Sequence[str] | None = None
    targets: Sequence[str] | None = None
    formats: Sequence[str] | None = None
    optimize: str | None = None
    ranges: str | None = None
    seed: int | None = None
    threads: int | None = None
    overwrite: bool = False
    min_runtime: str | None = None
    check_clients: bool = False
    float_gates: bool | None = None
    keep_float: Sequence[str] | None = None
    tune: str | None = None
    tune_minutes: float = 15.0
    tune_save: Path | None = None
