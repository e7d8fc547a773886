"""A module of ours in a Python process of its own."""

from __future__ import annotations

import os
import subprocess
import sys


def run_module(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a module as a program, where it finds what this process finds, and wait for it."""
    command = [sys.executable, "-m", module, *arguments]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
