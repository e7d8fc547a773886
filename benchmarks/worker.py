"""Run one route inside its rival's environment.

`python -m benchmarks.worker RIVAL FILE RECIPE SUBJECT FOLDER`
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

from benchmarks.rivals.rival import Rival
from benchmarks.subject import Subject


def main(module: str, file: str, recipe: str, subject: str, folder: str) -> None:
    """Write the file of one route, which its name tells, into a folder."""
    rival: Rival = import_module(f"benchmarks.rivals.{module}").RIVAL
    (route,) = (route for route in rival.routes if route.file == file)
    route.convert(Subject(recipe, Path(subject)), Path(folder) / file)


if __name__ == "__main__":
    main(*sys.argv[1:])
