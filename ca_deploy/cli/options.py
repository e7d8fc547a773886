"""Options that several commands share."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Annotated

import typer

from ca_deploy.errors import UserError

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress; only the result.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show a traceback when something fails.")]
Exported = Annotated[
    Path, typer.Argument(metavar="DIR", help="A folder that an export left.", show_default=False)
]
Threads = Annotated[
    int | None,
    typer.Option("--threads", help="Threads of the runtimes; default: all cores.", show_default=False),
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
