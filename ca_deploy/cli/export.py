"""`ca-deploy export`: from a checkpoint to verified artifacts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ca_deploy.cli import options, outcome
from ca_deploy.cli.artifact_options import takes

EXAMPLES = """
[bold]Examples[/]

  ca-deploy export ca_mobilenetv2_cifar10
      the network that ships, with its weights and photographs

  ca-deploy export ca_mobilenetv2 --weights mbv2_ca.pth --images ./photos
      your checkpoint of a known architecture; width and classes are read from it

  ca-deploy export --model mypackage.nets:build --weights mine.pt --input-size 192 --images ./photos
      your own network

  ca-deploy export ca_mobilenetv2_cifar10 --formats onnx,tflite,ort
      files for ONNX Runtime's mobile packages, too

  ca-deploy export ca_mobilenetv2_cifar10 --precision int8 --targets x86 --json
      one artifact, for a machine to read

  ca-deploy export mine.toml --targets x86 --tune local --float-gates --tune-save mine.toml
      each attention block as this machine runs it fastest; the recipe then repeats that without measuring
"""


_NETWORK = "Network"
_TUNING = "Formulations by measurement"

Weights = Annotated[
    Path | None,
    typer.Option(
        "--weights",
        rich_help_panel=_NETWORK,
        help="Checkpoint (.pth, .pt, .safetensors).",
        show_default=False,
    ),
]
Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        rich_help_panel=_NETWORK,
        metavar="PACKAGE.MODULE:FACTORY",
        help="Your own network's factory.",
        show_default=False,
    ),
]
InputSize = Annotated[
    str | None,
    typer.Option(
        "--input-size",
        rich_help_panel=_NETWORK,
        metavar="SIZE|HxW",
        help="Input in pixels, such as 224 or 160x320.",
        show_default=False,
    ),
]
Out = Annotated[
    Path | None,
    typer.Option("--out", help="Folder to write; default: build/RECIPE.", show_default=False),
]
Tune = Annotated[
    str | None,
    typer.Option(
        "--tune",
        rich_help_panel=_TUNING,
        metavar="DEVICE",
        help="Measure each attention block's formulations on a device, such as local or emulated:cortex-a76, "
        "and take the fastest.",
        show_default=False,
    ),
]
TuneMinutes = Annotated[
    float | None,
    typer.Option(
        "--tune-minutes",
        rich_help_panel=_TUNING,
        metavar="MINUTES",
        help="How long --tune may take; default: 15.",
        show_default=False,
    ),
]
TuneSave = Annotated[
    Path | None,
    typer.Option(
        "--tune-save",
        rich_help_panel=_TUNING,
        metavar="FILE.toml",
        help="Write what --tune chose into a recipe: the one exported (its comments stay), or a new file.",
        show_default=False,
    ),
]


@takes()
def export(
    recipe: Annotated[
        str | None,
        typer.Argument(
            metavar="[RECIPE]",
            help="A recipe's name (see `ca-deploy list`) or a .toml file.",
            show_default=False,
        ),
    ] = None,
    weights: Weights = None,
    model: Model = None,
    input_size: InputSize = None,
    out: Out = None,
    threads: options.Threads = None,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
    tune: Tune = None,
    tune_minutes: TuneMinutes = None,
    tune_save: TuneSave = None,
    **chosen: Any,
) -> None:
    """Export a network to ONNX and TFLite (float32, float16, int8), verified against PyTorch."""
    from ca_deploy import pipeline
    from ca_deploy.progress import on_terminal

    with on_terminal(quiet or json) as progress:
        result = pipeline.export(
            recipe,
            weights=weights,
            model=model,
            input_size=input_size,
            out=out,
            threads=threads,
            overwrite=overwrite,
            tune=tune,
            tune_minutes=tune_minutes,
            tune_save=tune_save,
            progress=progress,
            **chosen,
        )
    outcome.show(result, json)
