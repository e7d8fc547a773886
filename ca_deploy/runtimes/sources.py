"""Where an artifact is loaded from, a file or memory, and what to say when that fails."""

from __future__ import annotations

from pathlib import Path

from ca_deploy.errors import UserError
from ca_deploy.runtimes.protocol import TensorInfo


def only_input(inputs: tuple[TensorInfo, ...], source: Path | bytes) -> TensorInfo:
    """The artifact's one input.

    Raises:
        UserError: when it takes more or fewer than one.
    """
    if len(inputs) != 1:
        names = ", ".join(i.name for i in inputs)
        raise UserError(
            f"{label(source)} takes {len(inputs)} inputs ({names}): only one image input can be run"
        )
    return inputs[0]


def readable(source: Path | bytes) -> Path | bytes:
    """The source itself.

    Raises:
        UserError: when it is a path without a file behind it.
    """
    if isinstance(source, Path) and not source.is_file():
        raise UserError(f"{source} is not a file: give the path of an exported artifact")
    return source


def label(source: Path | bytes) -> str:
    """How messages name a source."""
    return str(source) if isinstance(source, Path) else "the model in memory"


def one_line(error: Exception) -> str:
    """The first line of a library's message, for a one-line error of ours."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
