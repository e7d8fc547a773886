"""evaluate(): the walk from artifacts and labelled images to accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ca_deploy.artifact import Interface
from ca_deploy.errors import UserError
from ca_deploy.machine import available_cores
from ca_deploy.progress import Progress, Silent
from ca_deploy.published import Published, export_around, read_published
from ca_deploy.recipe import InputSpec, Recipe, load_recipe

if TYPE_CHECKING:
    from ca_deploy.bundle.stated_input import StatedInput
    from ca_deploy.evaluation import Evaluated, EvaluationResult, Tally
    from ca_deploy.evaluation.judging import Judged
    from ca_deploy.images import LabelledImages
    from ca_deploy.runtimes import Runtime

_FLOAT = "PyTorch float32"
_FROM_METADATA = "the file's metadata"


@dataclass(frozen=True)
class _Asked:
    """What is to be evaluated.

    Attributes:
        target: as the user named it.
        files: artifacts.
        recipe: how images are prepared, and what the classes are called.
        published: the exported folder that the files lie in; None when they lie in none.
    """

    target: Path
    files: tuple[Path, ...]
    recipe: Recipe
    published: Published | None

    @property
    def names(self) -> list[str]:
        """The artifacts' paths in the exported folder, or their file names."""
        return [
            file.name if self.published is None else file.relative_to(self.published.folder).as_posix()
            for file in self.files
        ]

    def interface(self, file: Path) -> Interface:
        """What an artifact takes."""
        return "normalised" if self.published is None else self.published.interface(file)


def evaluate(
    target: str | Path,
    *,
    data: str | Path,
    recipe: str | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> EvaluationResult:
    """Judge artifacts on labelled images, beside the float network that they were made from.

    Images that an export was calibrated on do not count: they are left out, and the result says how many.

    Args:
        target: a folder that an export left, or one artifact.
        data: a folder with one folder per class, a CSV (path,label), or a .npz (images, labels).
        recipe: how images are prepared and what the classes are called; by default what the exported folder
            was made with. An artifact outside of one needs it.
        threads: of the artifacts' runtimes; default: all cores.
        progress: what to report to; silent by default.

    Raises:
        UserError: when an input cannot be used.
    """
    from ca_deploy import stages
    from ca_deploy.evaluation import Contestant, EvaluationResult, judge
    from ca_deploy.images import open_labelled

    progress = progress or Silent()
    threads = available_cores() if threads is None else threads
    if threads < 1:
        raise UserError(f"--threads {threads}: must be at least 1")
    asked = _asked(Path(target), recipe)
    progress.step("Finding the images")
    images = open_labelled(Path(data), asked.recipe.label_names(), asked.recipe.input)
    runtimes = [stages.open_artifact(file, asked.interface(file), threads) for file in asked.files]
    _check_classes(asked, runtimes, images)
    reference, warnings = _float_network(asked, progress)
    progress.step("Evaluating")
    calibration = () if asked.published is None else asked.published.calibration
    contestants = [
        Contestant(runtime, asked.interface(file) == "pixels")
        for runtime, file in zip(runtimes, asked.files, strict=True)
    ]
    judged = judge(reference, contestants, images, asked.recipe.input, calibration, progress)
    if not judged.images:
        raise UserError(f"{data}: no image is left to judge: {_missing(judged)}")
    found = map(_evaluated, asked.names, runtimes, judged.artifacts)
    return EvaluationResult(
        target=asked.target,
        data=Path(data),
        labels=images.labels,
        left_out=judged.left_out,
        skipped=tuple(judged.skipped),
        reference=_evaluated(_FLOAT, reference, judged.reference) if judged.reference else None,
        artifacts=tuple(found),
        warnings=(*warnings, *_image_warnings(judged)),
    )


def _asked(target: Path, recipe: str | None) -> _Asked:
    """Find out what the user means by a folder or a file.

    Raises:
        UserError: when it is neither an exported folder with artifacts nor a file whose images are known.
    """
    stated = None if recipe is None else load_recipe(recipe)
    package = target.suffix == ".mlpackage"  # an artifact that is a folder
    if target.is_dir() and not package:
        published = read_published(target)
        if not published.files:
            raise UserError(f"{target}: no artifact in it held its tolerance; name one under rejected/")
        return _Asked(target, published.files, stated or published.recipe, published)
    if not target.exists():
        raise UserError(f"{target}: there is no such file or folder; give an exported folder or an artifact")
    if (folder := export_around(target)) is not None:
        published = read_published(folder)
        return _Asked(target, (target,), stated or published.recipe, published)
    return _Asked(target, (target,), _recipe_alone(target, stated), None)


def _recipe_alone(file: Path, recipe: Recipe | None) -> Recipe:
    """The recipe of a file outside of an export, with the normalisation that the file states itself.

    Raises:
        UserError: when neither the user nor the file says how images are prepared.
    """
    size, own = _stated_by(file)
    if own is None and recipe is None:
        raise UserError(
            f"{file}: lies in no exported folder and does not say itself how its images are prepared; "
            "state it with --recipe NAME|FILE.toml"
        )
    if own is None:
        assert recipe is not None
        return recipe
    if recipe is None:
        spec = InputSpec(size=size, mean=own.mean, std=own.std)
        return Recipe(name=_FROM_METADATA, labels=own.labels, input=spec)
    normalisation = {"mean": own.mean, "std": own.std}
    return recipe.model_copy(update={"input": recipe.input.model_copy(update=normalisation)})


def _stated_by(file: Path) -> tuple[tuple[int, int], StatedInput | None]:
    """Height and width of the image that a .tflite takes, and what its metadata say of it.

    Raises:
        UserError: when LiteRT cannot load the file, or it does not take one image.
    """
    if file.suffix != ".tflite":
        return (0, 0), None
    from ca_deploy.bundle.stated_input import stated_input
    from ca_deploy.bundle.tflite_metadata import ENTRY
    from ca_deploy.quantization.tflite_model import TFLiteModel
    from ca_deploy.runtimes import open_runtime
    from ca_deploy.runtimes.sources import only_input

    image = only_input(open_runtime(file).inputs, file)  # LiteRT refuses what is broken; reading would crash
    if len(image.shape) != 4:
        raise UserError(
            f"{file}: its input has the shape {image.shape}; only images (N, H, W, 3) can be judged"
        )
    content = TFLiteModel(file.read_bytes()).metadata(ENTRY)
    height, width = (size or 0 for size in image.shape[1:3])
    return (height, width), None if content is None else stated_input(file, content)


def _float_network(asked: _Asked, progress: Progress) -> tuple[Runtime | None, tuple[str, ...]]:
    """The network that the artifacts were made from, and why there is none."""
    from ca_deploy import stages
    from ca_deploy.plan import Options, rebuild
    from ca_deploy.runtimes.pytorch import PyTorch

    if asked.published is None:
        found = [f"{asked.target} lies in no exported folder: nothing to compare it with"]
        if asked.recipe.name == _FROM_METADATA:
            found.append(
                "normalisation and labels are those of the file's metadata; resize and crop are assumed "
                "to be ImageNet's (--recipe states them)"
            )
        return None, tuple(found)
    try:
        plan = rebuild(asked.published, Options(formats=("onnx",)))  # no other needs an extra package
        network = stages.network(plan, progress)
    except UserError as error:
        return None, (f"no comparison with the float network: {error}",)
    return PyTorch(network.module, (None, 3, *asked.recipe.input.size)), ()


def _check_classes(asked: _Asked, runtimes: Sequence[Runtime], images: LabelledImages) -> None:
    """Compare the classes of the images with those of the networks."""
    from ca_deploy.evaluation import class_count

    for runtime in runtimes:
        classes = class_count(runtime)
        if images.labels is not None and len(images.labels) != classes:
            raise UserError(
                f"{asked.target} has {classes} classes, but the recipe's labels, or the folders of images, "
                f"name {len(images.labels)}; correct `labels` in the recipe (--recipe)"
            )


def _evaluated(name: str, runtime: Runtime | None, tally: Tally) -> Evaluated:
    from ca_deploy.evaluation import Evaluated

    assert runtime is not None  # what is counted was run
    return Evaluated(name, f"{runtime.name} {runtime.version}", runtime.delegate, tally.accuracy())


def _image_warnings(judged: Judged) -> tuple[str, ...]:
    """What the user must know about the images."""
    missing = _missing(judged)
    return (missing,) if missing else ()


def _missing(judged: Judged) -> str:
    """Which images do not count, in words; nothing when all do."""
    parts = []
    if judged.left_out:
        parts.append(f"{judged.left_out} were left out because the export was calibrated on them")
    if judged.skipped:
        parts.append(f"{len(judged.skipped)} are broken, such as {judged.skipped[0]}")
    return "; ".join(parts)
