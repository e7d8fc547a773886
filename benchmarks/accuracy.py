"""int8 of trained networks on labelled images, beside TensorFlow's converter and what was published."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from math import hypot
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

import ca_deploy
from benchmarks.tensorflow_int8 import tensorflow_int8
from ca_deploy import stages
from ca_deploy.errors import UserError, VerificationError
from ca_deploy.evaluation import Estimate
from ca_deploy.exporters.onnx import to_onnx
from ca_deploy.plan import OPTIMIZE, Options, Plan, resolve
from ca_deploy.progress import Progress, on_terminal
from ca_deploy.quantization.calibration import Calibration
from ca_deploy.recipe import load_recipe
from ca_deploy.runtimes.litert import LiteRT
from ca_deploy.stages.formulating import formulated

RECIPE = "ca_mobilenetv2_cifar10"
PUBLISHED = Path(__file__).with_name("accuracy.toml")
_TENSORFLOW = "TensorFlow"
_FILE = "model_int8.tflite"
_HEAD = """# Written by `python -m benchmarks accuracy --publish`; no test reads it.
# int8 against the float32 network on labelled images, {machine}.
# `_half` is half of a 95 % interval: what other images like these could give; top1_difference is paired."""


def command(
    data: Annotated[Path, typer.Option(help="Labelled images: one folder per class.")],
    images: Annotated[Path, typer.Option(help="Folder of other images of the same kind, for calibration.")],
    weights: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Another kind of attention (see train_sibling); may repeat."),
    ] = None,
    level: Annotated[
        list[str] | None, typer.Option(metavar="LEVEL", help="Of --optimize; default: all; may repeat.")
    ] = None,
    publish: Annotated[bool, typer.Option(help="Write accuracy.toml instead of comparing with it.")] = False,
) -> None:
    """int8 of trained networks on labelled images, beside TensorFlow's converter and what was published."""
    before = [] if publish else _published()
    figures: list[Figures] = []
    with on_terminal(quiet=False) as progress:
        for one in _measured(weights or (), level or OPTIMIZE, images, data, progress):
            figures.append(one)
            print(_line(one))
    if publish:
        _publish(figures, f"{data.name}, LiteRT {LiteRT.version} with XNNPACK")
    below = [worse for one in figures if (worse := _below_published(one, before))]
    if below:
        raise VerificationError(f"below what was published, beyond sampling error: {' | '.join(below)}")


@dataclass(frozen=True)
class Figures:
    """One int8 file of one network; intervals of 95 %, half of their width.

    Attributes:
        network: kind of attention.
        route: our level of optimization, or TensorFlow's converter.
        images: labelled images that it was judged on.
        float_top1: the float network's, percent.
        top1_difference: beside it, points; with both ends of the interval.
        agreement: with it, percent.
        sqnr_db: of the logits.
    """

    network: str
    route: str
    images: int
    float_top1: float
    top1_difference: float
    top1_difference_low: float
    top1_difference_high: float
    agreement: float
    agreement_half: float
    sqnr_db: float
    sqnr_half: float


def _measured(
    weights: Sequence[Path], levels: Sequence[str], images: Path, data: Path, progress: Progress
) -> Iterator[Figures]:
    """Quantize and judge the network that ships and others.

    Args:
        weights: checkpoints of other kinds of attention, with the input and classes of the one that ships.
        levels: of `--optimize`.
        images: for calibration; none of them may be among those of `data`, and is left out if it is.
        data: labelled images.
        progress: shows what is done.
    """
    shipped = load_recipe(RECIPE).weights_path()
    assert shipped is not None
    for checkpoint in (shipped, *weights):
        with TemporaryDirectory() as scratch:
            recipe = _recipe_for(checkpoint, Path(scratch))
            for level in levels:
                out = Path(scratch) / level
                made = ca_deploy.export(
                    recipe, images=images, precision=["int8"], optimize=level, out=out, progress=progress
                )
                network = str(made.origin["attention"])
                yield _judged(network, level, out / _FILE, data, progress)
            plan = resolve(Options(recipe=recipe, images=str(images), out=out, precision=["int8"]))
            theirs = out / "tensorflow.tflite"
            theirs.write_bytes(_by_tensorflow(plan, progress))
            try:
                yield _judged(network, _TENSORFLOW, theirs, data, progress)
            except UserError as error:  # its file of a network with CBAM stops XNNPACK, LiteRT 2.3
                progress.note(f"{network}: no figures of TensorFlow's file: {error}")


def _recipe_for(checkpoint: Path, folder: Path) -> str:
    """The recipe that ships without its attention and width, which the checkpoint tells."""
    recipe = load_recipe(RECIPE)
    path = folder / f"{checkpoint.stem}.toml"
    stated = recipe.input.model_dump(exclude_none=True)
    lines = [f"{key} = {json.dumps(value)}" for key, value in stated.items()]
    path.write_text(
        f"weights = {json.dumps(str(checkpoint.resolve()))}\nlabels = {json.dumps(recipe.label_names())}\n"
        + "\n".join(["[input]", *lines])
    )
    return str(path)


def _by_tensorflow(plan: Plan, progress: Progress) -> bytes:
    """TensorFlow's int8 of the graph for ARM, on the same calibration images."""
    loaded, split = stages.network(plan, progress), stages.images(plan, progress)
    examples = stages.examples_of(plan, split.parity)
    canonical = stages.canonical_graph(loaded, examples, progress)
    with stages.converter(progress) as converter:
        calibrated = Calibration(split.calibration)
        work = stages.Work(plan, plan.out, canonical, examples, split, calibrated, converter, progress)
        formed = work.formed(formulated(work, "android", "int8"))
    progress.step("Quantizing with TensorFlow")
    return tensorflow_int8(
        to_onnx(formed.graph, examples[0]), split.calibration.first(len(split.calibration))
    )


def _judged(network: str, route: str, file: Path, data: Path, progress: Progress) -> Figures:
    result = ca_deploy.evaluate(file, data=data, progress=progress)
    (one,) = result.artifacts
    found = one.accuracy.comparison
    assert found is not None
    assert result.reference is not None
    difference = found.difference
    return Figures(
        network,
        route,
        one.accuracy.images,
        round(100 * result.reference.accuracy.top1.value, 2),
        *(round(100 * end, 2) for end in (difference.value, difference.low, difference.high)),
        round(100 * found.agreement.value, 2),
        round(100 * _half(found.agreement), 2),
        round(found.sqnr_db.value, 2),
        round(_half(found.sqnr_db), 2),
    )


def _half(estimate: Estimate) -> float:
    return (estimate.high - estimate.low) / 2


def _line(one: Figures) -> str:
    """The figures for people."""
    return (
        f"{one.network:5} {one.route:10} {one.sqnr_db:6.2f} ± {one.sqnr_half:.2f} dB, agreement "
        f"{one.agreement:.2f} ± {one.agreement_half:.2f} %, top-1 {one.float_top1:.2f} "
        f"{one.top1_difference:+.2f} ({one.top1_difference_low:+.2f} to {one.top1_difference_high:+.2f})"
    )


def _published() -> list[Figures]:
    """The figures in `accuracy.toml`."""
    return [Figures(**one) for one in tomllib.loads(PUBLISHED.read_text("utf-8"))["figures"]]


def _publish(figures: Sequence[Figures], machine: str) -> None:
    """Write `accuracy.toml`."""
    lines = [_HEAD.format(machine=machine)]
    for one in figures:
        stated = zip((field.name for field in fields(one)), astuple(one), strict=True)
        lines += ["\n[[figures]]", *(f"{name} = {json.dumps(value)}" for name, value in stated)]
    PUBLISHED.write_text("\n".join(lines) + "\n", "utf-8")


def _below_published(found: Figures, before: Sequence[Figures]) -> str | None:
    """What is worse than published by more than the sampling errors of both; None when nothing is."""
    known = next((one for one in before if (one.network, one.route) == (found.network, found.route)), None)
    if known is None or found.route == _TENSORFLOW:
        return None
    falls = []
    if known.sqnr_db - found.sqnr_db > hypot(known.sqnr_half, found.sqnr_half):
        falls.append(f"SQNR {found.sqnr_db} dB, published {known.sqnr_db}")
    if known.agreement - found.agreement > hypot(known.agreement_half, found.agreement_half):
        falls.append(f"agreement {found.agreement} %, published {known.agreement}")
    return f"{found.network} {found.route}: {'; '.join(falls)}" if falls else None
