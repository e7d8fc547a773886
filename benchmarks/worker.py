"""Run one route inside its rival's environment.

`python -m benchmarks.worker RIVAL FILE RECIPE SUBJECT BATCH FOLDER`
"""

from __future__ import annotations

import resource
import sys
from importlib import import_module
from pathlib import Path

from benchmarks.rivals.rival import Rival
from benchmarks.subject import Subject

LONGEST = 20
"""Minutes of processor time that a conversion may take; then SIGXCPU ends it (setrlimit(2))."""


def main(module: str, file: str, recipe: str, subject: str, batch: str, folder: str) -> None:
    """Write the file of one route, which its name tells, into a folder."""
    resource.setrlimit(resource.RLIMIT_CPU, (60 * LONGEST, 60 * LONGEST + 60))  # at the second it is SIGKILL
    rival: Rival = import_module(f"benchmarks.rivals.{module}").RIVAL
    (route,) = (route for route in rival.routes if route.file == file)
    route.convert(Subject(recipe, Path(subject), int(batch)), Path(folder) / file)


if __name__ == "__main__":
    main(*sys.argv[1:])
