"""What one export will do: a user's options, resolved against the recipe before any long work."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from ca_deploy import formats
from ca_deploy.errors import UserError
from ca_deploy.machine import available_cores
from ca_deploy.precisions import DEFAULT, PRECISIONS, needs_calibration
from ca_deploy.published import Published
from ca_deploy.recipe import TARGETS, Formulations, NetworkSpec, Recipe, load_recipe
from ca_deploy.recipe_file import check_recipe_target
from ca_deploy.resources import data_folder

SHIPPED_IMAGES = "shipped"
_NOTHING = ("none",)
"""What --keep-float takes back what an earlier export kept with."""
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


@dataclass(frozen=True)
class TuningPlan:
    """How to tune.

    Attributes:
        device: where to measure.
        minutes: how long at most.
        save: a recipe, by name or path, and the file to write it to with what was chosen; or None.
    """

    device: str
    minutes: float
    save: tuple[str, Path] | None


@dataclass(frozen=True)
class Plan:
    """An export, resolved: everything is stated and nothing heavy has been loaded.

    Attributes:
        recipe: with the options that override it put in.
        weights: the checkpoint; None for a factory that brings its own.
        factory: `package.module:factory` of a user's own network, or None.
        images: a folder, a .npz file, or "noise".
        out: the folder to publish.
        targets: which graph forms to write, in order; the first names its files without a suffix.
        formats: which kinds of files to write.
        precisions: at which of their precisions.
        optimize: how much time int8 may take: "fast" (ranges only), "balanced" (equalization and corrected
            biases, some seconds) or "best" (sums and products in float as well).
        ranges: how the ranges of int8 activations in .tflite files are chosen: a name in `RANGES`.
        min_runtime: the oldest TFLite that every .tflite must run on, as the user wrote it; None for any.
        check_clients: run every .tflite in the clients that apps use.
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
    ranges: str = "minmax"
    min_runtime: str | None = None
    made_from: Published | None = None
    check_clients: bool = False
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


def resolve(options: Options) -> Plan:
    """Put options, recipe and defaults together.

    Raises:
        UserError: when one of them cannot be used.
    """
    recipe, warnings = _recipe(options)
    if options.input_size is not None:
        size = _parse_size(options.input_size)
        recipe = recipe.model_copy(update={"input": recipe.input.at_size(*size)})
    weights = options.weights or recipe.weights_path()
    if options.model is not None and recipe.network != NetworkSpec():
        raise UserError(f"recipe {recipe.name} states a [network] and --model is another; give one of them")
    if weights is None and options.model is None:
        raise UserError(f"recipe {recipe.name} ships no weights; give yours with --weights FILE")
    if options.model is not None and weights is None:
        warnings = (
            *warnings,
            f"no --weights given: {options.model} is exported with the weights it makes itself",
        )
    plan = _checked(_plan(recipe, weights, options, warnings), options)
    formats.check_each_format_written(options.formats or (), plan.precisions)
    return plan


def rebuild(published: Published, options: Options) -> Plan:
    """The plan that a folder was exported with, with other options put in.

    Args:
        published: the folder; network, weights and input are its own.
        options: None takes what the folder was exported with; `recipe`, `weights`, `model` and `input_size`
            have to be.

    Raises:
        UserError: when its weights are gone or others, or an option cannot be used.
    """
    weights, before = published.weights(), published.manifest
    earlier = {
        "images": before["calibration"]["images"],
        "out": published.folder,
        "targets": before["targets"],
        "formats": before.get("formats"),
        "optimize": before["optimize"],
        "ranges": before.get("ranges"),
        "seed": before["seed"],
        "min_runtime": before["min_runtime"],
        "float_gates": before["float_gates"],
        "keep_float": before.get("keep_float"),
    }
    taken = {name: value for name, value in earlier.items() if getattr(options, name) is None}
    stated = replace(options, model=published.factory, **taken)
    plan = _checked(replace(_plan(published.recipe, weights, stated, ()), made_from=published), options)
    if weights is not None:
        return plan
    return replace(plan, warnings=(f"{published.factory} makes its weights itself; they may be others now",))


def _plan(recipe: Recipe, weights: Path | None, options: Options, warnings: tuple[str, ...]) -> Plan:
    if options.threads is not None and options.threads < 1:
        raise UserError(f"--threads {options.threads}: must be at least 1")
    seed = options.seed or 0
    if not 0 <= seed < 2**63:
        raise UserError(f"--seed {seed}: must be from 0 to 2^63 - 1")
    targets = _chosen("--targets", options.targets, TARGETS) or recipe.targets
    written, further = _formats(options, recipe, targets)
    precisions = _precisions(options, written)
    return Plan(
        recipe=_with_overrides(recipe, options),
        weights=weights,
        factory=options.model,
        images=_images(options.images, recipe),
        out=options.out or Path("build") / recipe.name,
        targets=targets,
        formats=written,
        precisions=precisions,
        optimize=_one_of("--optimize", options.optimize or "balanced", OPTIMIZE),
        ranges=_one_of("--ranges", options.ranges or "minmax", RANGES),
        seed=seed,
        threads=options.threads or available_cores(),
        overwrite=options.overwrite,
        min_runtime=_version(options.min_runtime),
        check_clients=options.check_clients,
        float_gates=bool(options.float_gates),
        keep_float=_keep_float(tuple(options.keep_float or ()), targets, precisions),
        tuning=_tuning(options, targets),
        warnings=(*warnings, *further),
    )


def _formats(
    options: Options, recipe: Recipe, targets: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The formats to write: those named by option or recipe, or what the targets want; and warnings.

    Raises:
        UserError: when one that was named needs a package that is not there.
    """
    named = _chosen("--formats", options.formats, tuple(formats.FORMATS))
    if named is None and "formats" not in recipe.model_fields_set:
        return formats.for_targets(targets)
    for name in named or recipe.formats:
        if missing := formats.missing_package(name):
            raise UserError(f"--formats {name}: {missing}")
    return named or recipe.formats, ()


def _precisions(options: Options, written: Sequence[str]) -> tuple[str, ...]:
    """The precisions that were asked for, each of which some format has, or the default ones."""
    named = _chosen("--precision", options.precision, tuple(PRECISIONS))
    formats.check_each_precision_written(named or (), written)
    return named or DEFAULT


def _checked(plan: Plan, asked: Options) -> Plan:
    """The plan, when its labels can be read and --keep-float, if asked for now, has an effect in it.

    Raises:
        UserError: when one of them cannot be used, or would change nothing.
    """
    plan.recipe.label_names()  # their file can be read
    if asked.keep_float is None or tuple(asked.keep_float) == _NOTHING:
        return plan
    if not asked.keep_float:
        raise UserError("--keep-float: is empty; give names of operators, auto:N or none")
    if not needs_calibration(plan.precisions_in("tflite")):
        raise UserError(
            "--keep-float: no .tflite with int8 is to be written; leave it out, or write one with "
            "--formats tflite --precision int8"
        )
    from ca_deploy.quantization.keep_float import check_wanted

    check_wanted(asked.keep_float)
    return plan


def _recipe(options: Options) -> tuple[Recipe, tuple[str, ...]]:
    """The named recipe, or one for a checkpoint or network that comes without."""
    if options.recipe is not None:
        return load_recipe(options.recipe), ()
    if options.weights is not None:
        name = options.weights.stem
    elif options.model is not None:
        name = options.model.rpartition(":")[2]
    else:
        raise UserError(
            "nothing to export: name a recipe (ca-deploy list shows them), or give --weights or --model"
        )
    size = options.input_size or "224"
    warning = f"no recipe given: input {size} pixels with ImageNet's mean and standard deviation is assumed"
    return Recipe(name=name, folder=Path.cwd()), (warning,)


def _with_overrides(recipe: Recipe, options: Options) -> Recipe:
    """The recipe as the manifest shall state it: with the files that the options gave."""
    update: dict[str, object] = {}
    if options.weights is not None:
        update["weights"] = str(options.weights)
    if options.images is not None:
        update["calibration"] = recipe.calibration.model_copy(update={"images": options.images})
    return recipe.model_copy(update=update)


def _parse_size(text: str) -> tuple[int, int]:
    """`224` or `160x320` (height x width) as two positive numbers."""
    parts = text.lower().split("x")
    if len(parts) not in (1, 2) or not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise UserError(f"--input-size {text}: give pixels as SIZE or HEIGHTxWIDTH, such as 224 or 160x320")
    return int(parts[0]), int(parts[-1])


def _images(given: str | None, recipe: Recipe) -> Path | Literal["noise"]:
    """Where the images are: an option starts in the current folder, a recipe's path in the recipe's."""
    source = given or recipe.calibration.images
    if source == SHIPPED_IMAGES:
        return data_folder("calibration") / "photos"
    if source == "noise":
        return "noise"
    return Path(given) if given else recipe.folder / source


def _one_of(option: str, value: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise UserError(f"{option} {value}: unknown; choose from {', '.join(known)}")
    return value


def _version(text: str | None) -> str | None:
    if text is not None and not re.fullmatch(r"\d+\.\d+(\.\d+)?", text, re.ASCII):
        raise UserError(f"--min-runtime {text}: give a version of TensorFlow Lite, such as 2.14")
    return text


def _keep_float(
    wanted: tuple[str, ...], targets: Sequence[str], precisions: Sequence[str]
) -> tuple[str, ...]:
    """What stays float; nothing for "none".

    Raises:
        UserError: when it would mean another operator in each file, or cannot be found out.
    """
    if wanted == _NOTHING:
        return ()
    named = [one for one in wanted if not one.startswith("auto:")]
    if named and len(targets) > 1:
        raise UserError(
            f"--keep-float {named[0]}: each target's graph has names of its own; write one at a time "
            f"(--targets {targets[0]}), or give auto:N"
        )
    if len(named) < len(wanted) and "int16x8" in precisions:
        raise UserError(
            "--keep-float auto:N: costs are those of int8 activations, which int16x8 has not; give names, "
            "or write int16x8 in a run of its own"
        )
    return wanted


def _tuning(options: Options, targets: Sequence[str]) -> TuningPlan | None:
    if options.tune is None:
        if options.tune_save is not None:
            raise UserError("--tune-save has nothing to save without --tune DEVICE")
        return None
    if not options.tune_minutes > 0:
        raise UserError(f"--tune-minutes {options.tune_minutes:g}: must be more than 0")
    if len(targets) > 1:
        raise UserError(
            f"--tune {options.tune}: one device says nothing of several targets ({', '.join(targets)}); name "
            "the one that it stands for with --targets"
        )
    return TuningPlan(options.tune, options.tune_minutes, _save(options.recipe, options.tune_save))


def _save(recipe: str | None, target: Path | None) -> tuple[str, Path] | None:
    if target is None:
        return None
    if recipe is None:
        raise UserError(f"--tune-save {target}: there is no recipe to save; name one, or write it first")
    check_recipe_target(recipe, target)
    return recipe, target


def _chosen(option: str, values: Sequence[str] | None, known: tuple[str, ...]) -> tuple[str, ...] | None:
    """The values of an option that takes several, each of them known, without repetition."""
    if values is None:
        return None
    for value in values:
        _one_of(option, value, known)
    if not values:
        raise UserError(f"{option}: is empty; choose from {', '.join(known)}")
    return tuple(dict.fromkeys(values))
