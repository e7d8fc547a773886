"""Environments of their own for clients whose requirements contradict ours, made on demand in the cache."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from ca_deploy.errors import UserError, last_line
from ca_deploy.runtimes.cache import cached

_PYTHON = Path("bin") / "python"


def environment_python(client: str, requirements: Sequence[str], version: str | None = None) -> Path:
    """The Python of a client's environment, which is made first where it is missing.

    Args:
        client: its name, for messages.
        requirements: packages with exact versions, as pip takes them.
        version: of the Python that they need, such as "3.11"; None: ours will do.

    Raises:
        UserError: when there is no such Python, or pip cannot fetch the packages.
    """
    name = "-".join(requirements).replace("==", "-")
    return cached(name, lambda folder: _make(folder, client, requirements, version)) / _PYTHON


def _make(folder: Path, client: str, requirements: Sequence[str], version: str | None) -> None:
    ours = ".".join(map(str, sys.version_info[:2]))
    python = sys.executable if version in (None, ours) else shutil.which(f"python{version}")
    if not python:
        raise UserError(f"{client} needs Python {version}: put python{version} on the PATH")
    for command in (
        (python, "-m", "venv", str(folder)),
        (str(folder / _PYTHON), "-m", "pip", "install", "--quiet", *requirements),
    ):
        done = call(*command)
        if done.returncode:
            raise UserError(f"the environment of {client} cannot be made: {last_line(done.stderr)}")


def call(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a command and keep what it says."""
    return subprocess.run(command, capture_output=True, text=True, check=False)
