"""The one place of the command line that prints."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import RenderableType


def show(renderable: RenderableType) -> None:
    """Print something for people on standard output."""
    from rich.console import Console

    console = Console(highlight=False)
    # A pipe has no width; a table must not be cut or folded there.
    (console if console.is_terminal else Console(highlight=False, width=160)).print(renderable)


def show_json(value: Any) -> None:
    """Print JSON for machines on standard output."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def warn(message: str) -> None:
    """Print a warning on standard error."""
    sys.stderr.write(f"warning: {message}\n")


def fail(message: str) -> None:
    """Print an error on standard error, on one line."""
    sys.stderr.write(f"error: {' '.join(message.split())}\n")
