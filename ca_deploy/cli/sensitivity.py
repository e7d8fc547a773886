"""`ca-deploy sensitivity`: what each operator's int8 costs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ca_deploy.cli import console, options
from ca_deploy.cli.artifact_options import as_before, takes

EXAMPLES = """
[bold]Examples[/]

  ca-deploy sensitivity build/ca_mobilenetv2_cifar10
      the 20 operators whose rounding costs the logits most

  ca-deploy sensitivity build/ca_mobilenetv2_cifar10 --optimize best --top 40 --svg costs.svg
      beyond what best keeps in float, with a plot

  ca-deploy quantize build/ca_mobilenetv2_cifar10 --keep-float auto:8
      keep the first eight of the list in float; the table shows partitions and milliseconds
"""


@takes("images", "optimize", **as_before())
def sensitivity(
    folder: options.Exported,
    target: Annotated[
        str | None,
        typer.Option(
            "--target", metavar="NAME", help="Whose graph; default: the export's first.", show_default=False
        ),
    ] = None,
    top: Annotated[int, typer.Option("--top", min=1, help="How many operators to show.")] = 20,
    svg: Annotated[
        Path | None,
        typer.Option("--svg", metavar="FILE", help="Write a plot of them.", show_default=False),
    ] = None,
    threads: options.Threads = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
    **chosen: Any,
) -> None:
    """Find what rounding each operator to int8 costs, one at a time, in a simulation."""
    from ca_deploy import pipeline
    from ca_deploy.progress import on_terminal
    from ca_deploy.report import sensitivity as report

    options.check_new_file("--svg", svg)
    with on_terminal(quiet or json) as progress:
        found = pipeline.sensitivity(folder, target=target, threads=threads, progress=progress, **chosen)
    if svg is not None:
        svg.write_text(report.sensitivity_plot(found[:top]), "utf-8")
    if json:
        console.show_json(report.sensitivity_document(found))
    else:
        console.show(report.sensitivity_table(found[:top]))
        console.show(report.LEGEND)
