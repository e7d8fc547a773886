"""`ca-deploy profile`: what each operator costs, and what attention costs inside the model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ca_deploy.cli import console, options

EXAMPLES = """
[bold]Examples[/]

  ca-deploy profile build/ca_mobilenetv2_cifar10/model_int8.tflite
      time for each kind of operator and each attention block, on this machine

  ca-deploy profile model_int8.tflite --device ssh://pi@raspberrypi.local
      the same on a Raspberry Pi

  ca-deploy profile model_int8.tflite --plot profile.svg --json
      as a picture, and every operator for a machine to read
"""


def profile(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .tflite file.")],
    device: Annotated[
        str, typer.Option("--device", metavar="DEVICE", help="local, ssh://USER@HOST[:PORT] or adb[:SERIAL].")
    ] = "local",
    threads: Annotated[int, typer.Option("--threads", min=1, help="Threads of the kernels.")] = 1,
    runs: Annotated[int, typer.Option("--runs", min=1, help="How many runs to look at.")] = 200,
    timeout: Annotated[
        float,
        typer.Option("--timeout", min=1, callback=options.finite, help="Longest seconds on a remote device."),
    ] = 600.0,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Write a picture (SVG) of it.", show_default=False)
    ] = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Measure every operator of a .tflite file with LiteRT's profiler."""
    from ca_deploy.bench.profile.run import profile as measure
    from ca_deploy.progress import on_terminal
    from ca_deploy.report import profile_plot, profile_table

    options.check_new_file("--plot", plot)
    with on_terminal(quiet or json) as progress:
        found = measure(file, threads, runs, progress, device=device, timeout=timeout)
    if plot is not None:
        profile_plot.save_plot(found, plot)
    if json:
        console.show_json(found.document())
    else:
        for renderable in profile_table.tables(found):
            console.show(renderable)
