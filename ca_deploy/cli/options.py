"""Options that several commands share."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Annotated

import typer

from ca_deploy.errors import UserError
from ca_deploy.formats import FORMATS
from ca_deploy.precisions import DEFAULT, PRECISIONS

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress; only the result.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show a traceback when something fails.")]
Exported = Annotated[
    Path, typer.Argument(metavar="DIR", help="A folder that an export left.", show_default=False)
]
Weights = Annotated[
    Path | None,
    typer.Option("--weights", help="Checkpoint (.pth, .pt, .safetensors).", show_default=False),
]
Model = Annotated[
    str | None,
    typer.Option(
        "--model", metavar="PACKAGE.MODULE:FACTORY", help="Your own network's factory.", show_default=False
    ),
]
Images = Annotated[
    str | None,
    typer.Option(
        "--images",
        metavar="FOLDER|FILE.npz|noise",
        help="Images for calibration and parity; default: photographs that ship.",
        show_default=False,
    ),
]
Out = Annotated[
    Path | None,
    typer.Option("--out", help="Folder to write; default: build/RECIPE.", show_default=False),
]
InputSize = Annotated[
    str | None,
    typer.Option(
        "--input-size",
        metavar="SIZE|HxW",
        help="Input in pixels, such as 224 or 160x320.",
        show_default=False,
    ),
]
Batch = Annotated[int, typer.Option("--batch", help="Images that every .tflite takes at once.")]
# Spaces behind commas, in the three lists below: help is not broken at commas alone, but cut off.
Precisions = Annotated[
    str | None,
    typer.Option(
        "--precision",
        metavar="LIST",
        help=f"Some of {', '.join(PRECISIONS)}; default: {','.join(DEFAULT)}.",
        show_default=False,
    ),
]
PrecisionsAnew = Annotated[
    str, typer.Option("--precision", metavar="LIST", help=f"Some of {', '.join(PRECISIONS)}.")
]
Targets = Annotated[
    str | None,
    typer.Option(
        "--targets", metavar="LIST", help="android,x86,web,ios; default: the recipe's.", show_default=False
    ),
]
Formats = Annotated[
    str | None,
    typer.Option(
        "--formats",
        metavar="LIST",
        help=f"Some of {', '.join(FORMATS)}; default: onnx,tflite, and coreml for ios.",
        show_default=False,
    ),
]
Optimize = Annotated[
    str,
    typer.Option(
        "--optimize",
        metavar="LEVEL",
        help="int8: fast (ranges only), balanced (seconds more) or best (partly float).",
    ),
]
Ranges = Annotated[
    str,
    typer.Option(
        "--ranges",
        metavar="METHOD",
        help="Ranges of int8 .tflite: minmax, moving_average, percentile, mse or entropy.",
    ),
]
SameRanges = Annotated[
    str | None,
    typer.Option(
        "--ranges", metavar="METHOD", help="How ranges are chosen; default: as before.", show_default=False
    ),
]
KeepFloat = Annotated[
    str | None,
    typer.Option(
        "--keep-float",
        metavar="LIST|auto:N",
        help="int8: operators that stay float32, by name (see sensitivity), the N that gain most, or none.",
        show_default=False,
    ),
]
AsBefore = Annotated[
    str | None,
    typer.Option(
        "--optimize", metavar="LEVEL", help="How int8 is made; default: as before.", show_default=False
    ),
]
SameImages = Annotated[
    str | None,
    typer.Option(
        "--images",
        metavar="FOLDER|FILE.npz|noise",
        help="Images for calibration and parity; default: the same.",
        show_default=False,
    ),
]
Seed = Annotated[int, typer.Option("--seed", help="Seed of the split into calibration and parity images.")]
Threads = Annotated[
    int | None,
    typer.Option("--threads", help="Threads of the runtimes; default: all cores.", show_default=False),
]
MinRuntime = Annotated[
    str | None,
    typer.Option(
        "--min-runtime",
        metavar="VERSION",
        help="Oldest TFLite that must run every .tflite, such as 2.14.",
        show_default=False,
    ),
]
FloatGates = Annotated[
    bool,
    typer.Option(
        "--float-gates",
        help="Let int8 files multiply by gates in float: fastest on x86 and on ARM with float16 arithmetic. "
        "With --tune, only where that is faster.",
    ),
]
Tune = Annotated[
    str | None,
    typer.Option(
        "--tune",
        metavar="DEVICE",
        help="Measure each attention block's formulations on a device, such as local or emulated:cortex-a76, "
        "and take the fastest.",
        show_default=False,
    ),
]
TuneMinutes = Annotated[
    float, typer.Option("--tune-minutes", metavar="MINUTES", help="How long --tune may take.")
]
TuneSave = Annotated[
    Path | None,
    typer.Option(
        "--tune-save",
        metavar="FILE.toml",
        help="Write what --tune chose into a recipe: the one exported (its comments stay), or a new file.",
        show_default=False,
    ),
]
CheckClients = Annotated[
    bool,
    typer.Option(
        "--check-clients", help="Run every .tflite in an old TFLite and MediaPipe Tasks too (fetched once)."
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an earlier export.")]


def split_list(value: str | None) -> list[str] | None:
    """The parts of a comma-separated option."""
    return None if value is None else [part.strip() for part in value.split(",") if part.strip()]


def finite(param: typer.CallbackParam, value: float | None) -> float | None:
    """A callback for numbers: Click takes `inf` and `nan` as such.

    Raises:
        UserError: when it is one of them.
    """
    if value is not None and not math.isfinite(value):
        raise UserError(f"{param.opts[0]} {value}: give a finite number")
    return value


def positive_numbers(option: str, value: str) -> list[int]:
    """The whole numbers above 0 of a comma-separated option, each once.

    Raises:
        UserError: when it holds anything else, or nothing.
    """
    parts = split_list(value) or [""]
    if not all(part.isdecimal() and int(part) for part in parts):
        raise UserError(f"{option} {value}: give numbers from 1, such as {option} 1,2,4")
    return list(dict.fromkeys(map(int, parts)))


def check_new_file(option: str, path: Path | None) -> None:
    """Find out before long work whether the file that an option names can be written.

    Raises:
        UserError: when it cannot.
    """
    if path is None:
        return
    if path.is_dir():
        raise UserError(f"{option} {path}: is a folder; give the name of a file")
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise UserError(f"{option} {path}: {path.parent} is no folder that may be written; make it first")
