"""`ca-deploy evaluate`: accuracy on labelled images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ca_deploy.cli import console, options

if TYPE_CHECKING:
    from ca_deploy.evaluation import EvaluationResult

EXAMPLES = """
[bold]Examples[/]

  ca-deploy evaluate build/ca_mobilenetv2_cifar10 --data ./validation
      every artifact of an export beside the PyTorch network; validation/ holds one folder per class

  ca-deploy evaluate build/ca_mobilenetv2_cifar10/model_int8.tflite --data labels.csv
      one artifact; the first line of labels.csv is path,label

  ca-deploy evaluate other.tflite --recipe ca_mobilenetv2_cifar10 --data ./validation
      a file that ca-deploy did not write; the recipe says how its images are prepared

  ca-deploy evaluate build/ca_mobilenetv2_cifar10 --data ./validation --max-drop 0.5 --json
      for a build server: exit status 3 when top-1 falls by more than half a point
"""


def evaluate(
    target: Annotated[
        Path,
        typer.Argument(metavar="DIR|FILE", help="An exported folder, or one artifact.", show_default=False),
    ],
    data: Annotated[
        Path,
        typer.Option(
            "--data",
            metavar="FOLDER|FILE",
            help="Labelled images: one folder per class, a .csv (path,label) or a .npz (images, labels).",
            show_default=False,
        ),
    ],
    recipe: Annotated[
        str | None,
        typer.Option(
            "--recipe",
            metavar="NAME|FILE",
            help="How images are prepared and classes are called; default: as exported.",
            show_default=False,
        ),
    ] = None,
    max_drop: Annotated[
        float | None,
        typer.Option(
            "--max-drop",
            metavar="POINTS",
            help="Fail when top-1 falls by more than this many percentage points below the float network.",
            show_default=False,
        ),
    ] = None,
    threads: options.Threads = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Measure accuracy on labelled images: top-1, top-5, and what changed beside the float network."""
    from ca_deploy.accuracy import evaluate as run
    from ca_deploy.progress import on_terminal
    from ca_deploy.report import evaluation

    if max_drop is not None:
        _check_number(max_drop)
    with on_terminal(quiet or json) as progress:
        result = run(target, data=data, recipe=recipe, threads=threads, progress=progress)
    for warning in result.warnings:
        console.warn(warning)
    if json:
        console.show_json(evaluation.document(result))
    else:
        console.show(evaluation.accuracy_table(result))
        console.show(evaluation.legend(result))
        for changes in evaluation.change_tables(result):
            console.show(changes)
    _check_drop(result, max_drop)


def _check_number(max_drop: float) -> None:
    """Nothing falls by more than NaN or infinity, so that every artifact would pass."""
    from math import isfinite

    from ca_deploy.errors import UserError

    if not isfinite(max_drop):
        raise UserError(f"--max-drop {max_drop:g}: give a number of percentage points, such as 0.5")


def _check_drop(result: EvaluationResult, max_drop: float | None) -> None:
    """Hold every artifact to the greatest loss of accuracy that the user accepts.

    Raises:
        UserError: when there is no float network to compare with.
        VerificationError: when one loses more.
    """
    from ca_deploy.errors import UserError, VerificationError

    if max_drop is None:
        return
    if result.reference is None:
        raise UserError("--max-drop: there is no float network to compare with; see the warning above")
    failed = [
        f"{one.name} loses {-100 * found.difference.value:.2f} points"
        for one in result.artifacts
        if (found := one.accuracy.comparison) is not None and -100 * found.difference.value > max_drop
    ]
    if failed:
        raise VerificationError(f"more than --max-drop {max_drop:g}: {'; '.join(failed)}")
