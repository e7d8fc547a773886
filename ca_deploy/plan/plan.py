"""What one export will do."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from ca_deploy import formats
from ca_deploy.plan.tuning import TuningPlan
from ca_deploy.published import Published
from ca_deploy.recipe import Formulations, Recipe


@dataclass(frozen=True)
class Plan:
    """An export, resolved: everything is stated and nothing heavy has been loaded.

    Attributes:
        recipe: with the options that override it put in.
        weights: the checkpoint; None for a factory that brings its own.
        factory: `package.module:factory` of a user's own network, or None.
        images: a folder, a .npz file, or "noise".
        out: the folder to publish.
        targets: what graphs are formulated for, in order; the first names its files without a suffix.
        formats: which kinds of files to write.
        precisions: at which of their precisions.
        optimize: how much time int8 may take: "fast" (ranges only), "balanced" (equalization and corrected
            biases, some seconds) or "best" (sums and products in float, and minutes of learning).
        optimize_minutes: how long "best" may learn for each file; 0 learns nothing.
        adaround: "best" learns block by block how weights are rounded, too.
        ranges: how the ranges of int8 activations in .tflite files are chosen: a name in `RANGES`.
        min_runtime: the oldest TFLite that every .tflite must run on, as the user wrote it; None for any.
        check_clients: run every .tflite in the clients that apps use.
        batch: images that every .tflite takes at once.
        made_from: the earlier export that this one takes up; None for a new one.
        float_gates: int8 files may multiply by gates in float: wherever --tune finds it faster, or everywhere
            without it.
        keep_float: operators of int8 .tflite files that stay float32, by name or as "auto:N".
        tuning: what --tune asks for, or None.
        warnings: lines that the user should read.
    """

    recipe: Recipe
    weights: Path | None
    factory: str | None
    images: Path | Literal["noise"]
    out: Path
    targets: tuple[str, ...]
    formats: tuple[str, ...]
    precisions: tuple[str, ...]
    optimize: str
    seed: int
    threads: int
    overwrite: bool
    optimize_minutes: float = 15.0
    adaround: bool = False
    ranges: str = "minmax"
    min_runtime: str | None = None
    made_from: Published | None = None
    check_clients: bool = False
    batch: int = 1
    float_gates: bool = False
    keep_float: tuple[str, ...] = ()
    tuning: TuningPlan | None = None
    warnings: tuple[str, ...] = field(default=())

    def precisions_in(self, name: str) -> tuple[str, ...]:
        """At which precisions to write a format; at none when it was not asked for."""
        return formats.precisions_in(name, self.precisions) if name in self.formats else ()

    def tuned(self, formulations: Formulations) -> Plan:
        """The same plan with formulations that were measured in place of the recipe's."""
        return replace(self, recipe=self.recipe.with_formulations(formulations))
