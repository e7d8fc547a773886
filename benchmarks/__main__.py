"""`python -m benchmarks`: side by side with other converters, and cost as the work grows."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import torch
import typer

from benchmarks import accuracy, weight_cache
from benchmarks.growth import Growth
from benchmarks.side_by_side import Comparison
from ca_deploy.bench.interleave import Effort
from ca_deploy.errors import CaDeployError
from ca_deploy.progress import on_terminal

app = typer.Typer(add_completion=False, rich_markup_mode=None)

Rounds = Annotated[int, typer.Option(min=5, help="How often the compared files take turns.")]
Kept = Annotated[bool, typer.Option("--kept", help="Measure the files of the last run and make none.")]
Out = Annotated[Path, typer.Option(help="Folder for the page, its JSON and its plot.")]
Again = Annotated[
    list[str] | None,
    typer.Option(metavar="RIVAL", help="Make this rival's files again, such as litert_torch; may repeat."),
]


@app.callback(invoke_without_command=True)
def begin(
    context: typer.Context,
    folder: Annotated[
        Path | None,
        typer.Option("--cache", help="Folder for environments and files; default: the user's cache folder."),
    ] = None,
) -> None:
    """Measure ours beside other converters (the default), or as the work grows."""
    if folder:
        os.environ["XDG_CACHE_HOME"] = str(folder.absolute())
    torch.set_num_threads(1)  # more wait for each other on a busy machine, and a subject takes seconds anyway
    if context.invoked_subcommand is None:
        context.invoke(converters)


@app.command()
def converters(
    recipe: Annotated[str, typer.Option(help="Recipe of the network.")] = "ca_mobilenetv2",
    weights: Annotated[
        Path | None, typer.Option(help="Trained checkpoint; without one, untrained weights serve.")
    ] = None,
    again: Again = None,
    kept: Kept = False,
    rounds: Rounds = 10,
    out: Out = Path("docs"),
) -> None:
    """Ours beside every rival: x86 time, ARM instructions, size, partitions, SQNR, conversion time."""
    with on_terminal(quiet=False) as progress:
        Comparison(recipe, weights, again or (), kept).publish(_effort(rounds), out, progress)


@app.command(name="growth")
def grow(again: Again = None, kept: Kept = False, rounds: Rounds = 10, out: Out = Path("docs")) -> None:
    """Ours beside the best rival as input and width grow."""
    with on_terminal(quiet=False) as progress:
        Growth(again or (), kept).publish(_effort(rounds), out, progress)


@app.command()
def convert(kept: Kept = False) -> None:
    """Make everybody's files of both benchmarks and take all figures but times, which --kept then takes."""
    with on_terminal(quiet=False) as progress:
        Comparison("ca_mobilenetv2", None, (), kept).rows(progress)
        Growth((), kept).rows(progress)


app.command(name="accuracy")(accuracy.command)
app.command(name="weight-cache")(weight_cache.command)


def _effort(rounds: int) -> Effort:
    return Effort(rounds=rounds, runs=10 * rounds, seconds=0.1 * rounds, cold_start=False)


if __name__ == "__main__":
    try:
        app()
    except CaDeployError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(error.exit_status)
