"""A recipe and options become a plan."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from ca_deploy.plan.kept_float import kept_float
from ca_deploy.plan.options import OPTIMIZE, RANGES, Options
from ca_deploy.plan.plan import Plan
from ca_deploy.plan.tuning import tuning_plan
from ca_deploy.plan.values import (
    one_of,
    several_of,
    stated_batch,
    stated_minutes,
    stated_seed,
    stated_threads,
    stated_version,
)
from ca_deploy.plan.written import formats_written, precisions_written
from ca_deploy.recipe import TARGETS, Recipe
from ca_deploy.resources import data_folder

SHIPPED_IMAGES = "shipped"


def assembled(recipe: Recipe, weights: Path | None, options: Options, warnings: tuple[str, ...] = ()) -> Plan:
    """Put together what is known.

    Args:
        recipe: what `options` leave open.
        weights: the checkpoint, if there is one.
        options: as the user gave them, or with what an earlier export was made with.
        warnings: what has been found so far.

    Raises:
        UserError: when an option cannot be used.
    """
    targets = several_of("--targets", options.targets, TARGETS) or recipe.targets
    written, further = formats_written(options, recipe, targets)
    precisions = precisions_written(options, written)
    return Plan(
        recipe=_with_overrides(recipe, options),
        weights=weights,
        factory=options.model,
        images=_images(options.images, recipe),
        out=options.out or Path("build") / recipe.name,
        targets=targets,
        formats=written,
        precisions=precisions,
        optimize=one_of("--optimize", options.optimize or "balanced", OPTIMIZE),
        optimize_minutes=stated_minutes(options.optimize_minutes),
        adaround=bool(options.adaround),
        ranges=one_of("--ranges", options.ranges or "minmax", RANGES),
        seed=stated_seed(options.seed),
        threads=stated_threads(options.threads),
        overwrite=options.overwrite,
        min_runtime=stated_version(options.min_runtime),
        check_clients=bool(options.check_clients),
        batch=stated_batch(options.batch),
        float_gates=bool(options.float_gates),
        keep_float=kept_float(tuple(options.keep_float or ()), targets, precisions),
        tuning=tuning_plan(options, targets),
        warnings=(*warnings, *further),
    )


def _with_overrides(recipe: Recipe, options: Options) -> Recipe:
    """The recipe as the manifest shall state it: with what the options say instead."""
    update: dict[str, object] = {}
    if options.weights is not None:
        update["weights"] = str(options.weights)
    if options.images is not None:
        update["calibration"] = recipe.calibration.model_copy(update={"images": str(options.images)})
    recipe = recipe.model_copy(update=update)
    return recipe.without_float_gates() if options.float_gates is False else recipe


def _images(given: str | Path | None, recipe: Recipe) -> Path | Literal["noise"]:
    """Where the images are: an option starts in the current folder, a recipe's path in the recipe's."""
    source = str(given or recipe.calibration.images)
    if source == SHIPPED_IMAGES:
        return data_folder("calibration") / "photos"
    if source == "noise":
        return "noise"
    return Path(given) if given else recipe.folder / source
