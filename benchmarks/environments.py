"""An environment for each rival, because their requirements contradict one another."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from ca_deploy.runtimes.cache import cache_folder

CHECKOUT = Path(__file__).resolve().parent.parent
TORCH_INDEX = "TORCH_INDEX"  # the Makefile's variable: an index of PyTorch's CPU builds

_EXCEPTION = re.compile(r"[\w.]+(Error|Exception)\b")  # the last line of a traceback
_PLACES = (  # what a page need not name
    (re.compile(r"'?https?://[^\s']+'?"), "its address"),
    (re.compile(r"(resolve host):? \S+"), r"\1"),
    (re.compile(r"(?<![\w.])/(?:[\w.+~-]+/)+"), ""),
)
_LONGEST_REASON = 240  # characters

_READY = ".ready"  # left in an environment when all is installed


class SkippedError(Exception):
    """A rival cannot take part; the message says why."""


def benchmark_cache() -> Path:
    """Where environments, subjects and rivals' files are kept."""
    return cache_folder() / "benchmarks"


def environment(name: str, requirements: Sequence[str]) -> Path:
    """The folder of a virtual environment with these packages, installed when it is first asked for.

    It is made where it stays, because the programs that pip writes hold its path.

    Raises:
        SkippedError: when pip cannot install them.
    """
    folder = benchmark_cache() / "environments" / f"{name}-{digest(*requirements)}"
    if reason := _obstacle(folder, tuple(requirements)):
        raise SkippedError(f"cannot be installed: {reason}")
    return folder


@cache
def _obstacle(folder: Path, requirements: tuple[str, ...]) -> str | None:
    """Install, and say what stands in the way; asked once, because pip takes minutes to fail."""
    if (folder / _READY).exists():
        return None
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    index = os.environ.get(TORCH_INDEX)
    options = ["--extra-index-url", index] if index else []
    pip = [str(python(folder)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run([*pip, *options, *requirements], capture_output=True, text=True, check=False)
    if done.returncode:
        shutil.rmtree(folder)
        return complaint(done.stderr)
    (folder / _READY).touch()
    return None


def python(folder: Path) -> Path:
    """The interpreter of an environment."""
    return folder / "bin" / "python"


def run_inside(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m ...` in an environment that also sees this checkout, and its own programs first."""
    variables = os.environ | {
        "PYTHONPATH": str(CHECKOUT),
        "PATH": os.pathsep.join((str(folder / "bin"), os.environ["PATH"])),
    }
    command = [str(python(folder)), "-m", *arguments]
    return subprocess.run(command, env=variables, capture_output=True, text=True, check=False)


def digest(*texts: str) -> str:
    """A short name for what the texts say."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:12]


def complaint(errors: str) -> str:
    """The line of a program's error output that says why: git's, pip's or Python's, otherwise the last.

    Addresses and folders are left out of it.
    """
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    tools = [line for line in lines if line.startswith(("fatal:", "ERROR:"))]
    exceptions = [line for line in lines if _EXCEPTION.match(line)]
    line = (tools[:1] or exceptions[-1:] or lines[-1:] or ["no message"])[0]
    for place, instead in _PLACES:
        line = place.sub(instead, line)
    return line[:_LONGEST_REASON]
