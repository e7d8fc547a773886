"""`ca-deploy bundle`: what an app needs of an export, in one folder or archive."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ca_deploy.cli import console, options

EXAMPLES = """
[bold]Examples[/]

  ca-deploy bundle build/ca_mobilenetv2_cifar10 --platform android
      model, labels, Kotlin, license and manifest in build/ca_mobilenetv2_cifar10-android/

  ca-deploy bundle build/mine --platform ios
      the Core ML package and Swift, of an export with --targets ios

  ca-deploy bundle build/mine --platform android --zip --out mine.zip
      the same as one archive; equal exports give equal bytes

  ca-deploy bundle build/mine --platform android --model model_fp32_pixels.tflite --check
      another model; run it in MediaPipe and in an old TFLite first
"""


def bundle(
    folder: options.Exported,
    platform: Annotated[str, typer.Option("--platform", metavar="PLATFORM", help="android or ios.")],
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model", metavar="FILE", help="Artifact; default: what suits the platform.", show_default=False
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder or archive to write; default: DIR-PLATFORM.", show_default=False),
    ] = None,
    zip_archive: Annotated[bool, typer.Option("--zip", help="Write one zip archive.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Run the model in the platform's clients (fetched once).")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier bundle.")] = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Put model, labels, code, license and manifest into one folder for an app."""
    from ca_deploy import bundling
    from ca_deploy.progress import on_terminal

    with on_terminal(quiet or json) as progress:
        manifest = bundling.bundle(
            folder,
            platform,
            models=model,
            out=out,
            zip_archive=zip_archive,
            check=check,
            overwrite=overwrite,
            progress=progress,
        )
    if json:
        console.show_json(manifest)
        return
    console.show(f"{manifest['path']}: {', '.join(manifest['files'])}, manifest.json")
    for one in manifest["checks"]:
        best = "best class" if one["best"] == 1 else f"{one['best']} best classes"
        console.show(
            f"{one['client']}: {best} as on LiteRT on {one['agreed']:.0%} of {one['images']} images, largest "
            f"difference {one['max_difference']:.2g}; {one['note']}"
        )
