"""Each artifact once in another process, so that one that crashes its runtime ends nothing but its own row.

As a program: python -m ca_deploy.bench.trial FILE... runs them in turn, and prints each before it does.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from ca_deploy.bench.child import run_module
from ca_deploy.errors import UserError, last_line


def failing(files: Sequence[Path]) -> dict[Path, str]:
    """Artifacts that crash their runtime on this machine, or fail in it, each with the reason.

    Those that cannot even be loaded are not among them: opening them says so.
    """
    found: dict[Path, str] = {}
    waiting = list(files)
    while waiting:
        done = run_module(__spec__.name, *map(str, waiting))
        begun = len({*done.stdout.splitlines()} & {*map(str, waiting)})
        if not done.returncode or not begun:
            break
        found[waiting[begun - 1]] = _reason(done.returncode, done.stderr)
        waiting = waiting[begun:]
    return found


def _reason(status: int, said: str) -> str:
    """Why a process ended, to be read behind an artifact's name."""
    if status < 0:
        return f"crashes its runtime on this machine ({signal.Signals(-status).name})"
    return f"fails on this machine: {last_line(said)}"


def _run_once(file: Path) -> None:
    from ca_deploy.bench.devices.inputs import timing_images
    from ca_deploy.runtimes import open_runtime
    from ca_deploy.runtimes.sources import only_input

    try:
        runtime = open_runtime(file)
        only_input(runtime.inputs, file)
    except UserError:
        return
    runtime.bind(timing_images(runtime))()


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        print(argument, flush=True)  # noqa: T201  the parent reads it
        _run_once(Path(argument))
