"""`ca-deploy export`: from a checkpoint to verified artifacts."""

from __future__ import annotations

from typing import Annotated

import typer

from ca_deploy.cli import options, outcome

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


def export(
    recipe: Annotated[
        str | None,
        typer.Argument(
            metavar="[RECIPE]",
            help="A recipe's name (see `ca-deploy list`) or a .toml file.",
            show_default=False,
        ),
    ] = None,
    weights: options.Weights = None,
    model: options.Model = None,
    images: options.Images = None,
    out: options.Out = None,
    input_size: options.InputSize = None,
    batch: options.Batch = 1,
    precision: options.Precisions = None,
    targets: options.Targets = None,
    formats: options.Formats = None,
    optimize: options.Optimize = "balanced",
    ranges: options.Ranges = "minmax",
    seed: options.Seed = 0,
    threads: options.Threads = None,
    float_gates: options.FloatGates = False,
    keep_float: options.KeepFloat = None,
    tune: options.Tune = None,
    tune_minutes: options.TuneMinutes = 15.0,
    tune_save: options.TuneSave = None,
    overwrite: options.Overwrite = False,
    min_runtime: options.MinRuntime = None,
    check_clients: options.CheckClients = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Export a network to ONNX and TFLite (float32, float16, int8), verified against PyTorch."""
    from ca_deploy import pipeline
    from ca_deploy.progress import on_terminal

    with on_terminal(quiet or json) as progress:
        result = pipeline.export(
            recipe,
            weights=weights,
            model=model,
            images=images,
            out=out,
            input_size=input_size,
            batch=batch,
            precision=options.split_list(precision),
            targets=options.split_list(targets),
            formats=options.split_list(formats),
            optimize=optimize,
            ranges=ranges,
            seed=seed,
            threads=threads,
            overwrite=overwrite,
            min_runtime=min_runtime,
            check_clients=check_clients,
            float_gates=float_gates,
            keep_float=options.split_list(keep_float),
            tune=tune,
            tune_minutes=tune_minutes,
            tune_save=tune_save,
            progress=progress,
        )
    outcome.show(result, json)
