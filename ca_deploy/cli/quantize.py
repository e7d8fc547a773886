"""`ca-deploy quantize`: an earlier export, quantized anew."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ca_deploy.cli import options, outcome
from ca_deploy.cli.artifact_options import as_before, takes

EXAMPLES = """
[bold]Examples[/]

  ca-deploy quantize build/ca_mobilenetv2_cifar10 --images ./photos
      model_int8.tflite calibrated on other images, in build/ca_mobilenetv2_cifar10-quantized

  ca-deploy quantize build/ca_mobilenetv2_cifar10 --optimize fast --out build/fast
      the same images, ranges only

  ca-deploy quantize build/ca_mobilenetv2_cifar10 --ranges mse --out build/mse
      ranges that cut off rare values where that loses less than it gains

  ca-deploy quantize build/ca_mobilenetv2_cifar10 --formats tflite,ort,coreml --out build/more
      int8 files for ONNX Runtime and Core ML, too

  ca-deploy quantize build/ca_mobilenetv2_cifar10 --precision int8,fp16 --overwrite
      two precisions, over an earlier result

  ca-deploy quantize build/tuned --no-float-gates --min-runtime none --keep-float none
      without what the export was asked for
"""


@takes(**as_before(precision="int8"))
def quantize(
    folder: options.Exported,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder to write; default: DIR-quantized.", show_default=False),
    ] = None,
    threads: options.Threads = None,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
    **chosen: Any,
) -> None:
    """Quantize the network of an earlier export anew: other images, options or formats."""
    from ca_deploy import pipeline
    from ca_deploy.progress import on_terminal

    with on_terminal(quiet or json) as progress:
        result = pipeline.quantize(
            folder, out=out, threads=threads, overwrite=overwrite, progress=progress, **chosen
        )
    outcome.show(result, json)
