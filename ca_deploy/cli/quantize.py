"""`ca-deploy quantize`: an earlier export, quantized anew."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ca_deploy.cli import options, outcome

EXAMPLES = """
[bold]Examples[/]

  ca-deploy quantize build/ca_mobilenetv2_cifar10 --images ./photos
      model_int8.tflite calibrated on other images, in build/ca_mobilenetv2_cifar10-quantized

  ca-deploy quantize build/ca_mobilenetv2_cifar10 --optimize fast --out build/fast
      the same images, ranges only

  ca-deploy quantize build/ca_mobilenetv2_cifar10 --ranges mse --out build/mse
      ranges that cut off rare values where that loses less than it gains

  ca-deploy quantize build/ca_mobilenetv2_cifar10 --precision int8,fp16 --overwrite
      two precisions, over an earlier result
"""


def quantize(
    folder: options.Exported,
    precision: options.PrecisionsAnew = "int8",
    optimize: options.AsBefore = None,
    ranges: options.SameRanges = None,
    images: options.SameImages = None,
    targets: Annotated[
        str | None,
        typer.Option(
            "--targets", metavar="LIST", help="android,x86,web,ios; default: the same.", show_default=False
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            "--seed", help="Seed of the split of the images; default: the same.", show_default=False
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder to write; default: DIR-quantized.", show_default=False),
    ] = None,
    keep_float: options.KeepFloat = None,
    threads: options.Threads = None,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Quantize the network of an earlier export anew, with other options, images or precisions."""
    from ca_deploy import pipeline
    from ca_deploy.progress import on_terminal

    with on_terminal(quiet or json) as progress:
        result = pipeline.quantize(
            folder,
            precision=options.split_list(precision) or (),
            optimize=optimize,
            ranges=ranges,
            images=images,
            targets=options.split_list(targets),
            seed=seed,
            keep_float=options.split_list(keep_float),
            threads=threads,
            out=out,
            overwrite=overwrite,
            progress=progress,
        )
    outcome.show(result, json)
