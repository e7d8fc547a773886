"""Asking a POSIX shell many things with one script."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Mapping

# Runs a script of short commands, whether they fail or not, and gives what it says.
Shell = Callable[[str], str]


def ask(shell: Shell, questions: Mapping[str, str]) -> dict[str, str]:
    """Run commands; what each says, empty where it fails.

    Args:
        shell: what runs them.
        questions: a name for each, and the command.

    Raises:
        DeviceError: when the shell cannot be reached.
    """
    script = "\n".join(f"echo '[{name}]'; {command} 2>/dev/null; echo" for name, command in questions.items())
    heading = rf"^\[({'|'.join(questions)})\]\n"
    answers = re.split(heading, shell(script), flags=re.MULTILINE)
    found = {name: answer.strip() for name, answer in zip(answers[1::2], answers[2::2], strict=True)}
    return dict.fromkeys(questions, "") | found


def shell_here(script: str) -> str:
    """This machine's shell; says nothing where there is none."""
    if not shutil.which("sh"):
        return ""
    done = subprocess.run(["sh", "-c", script], capture_output=True, check=False)
    return done.stdout.decode(errors="replace")
