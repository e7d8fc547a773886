"""`ca-deploy bench` as a user runs it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from chromium import wait_until


class Command:
    """`ca-deploy bench` in a process of its own, and the address that it shows."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self._shown = folder / "shown"
        command = (sys.executable, "-m", "ca_deploy", "bench", *arguments, "--json", "--runs", "10")
        with self._shown.open("w") as shown:
            self._process = subprocess.Popen(
                (*command, "--seconds", "0.1"),
                stdout=subprocess.PIPE,
                stderr=shown,
                text=True,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
                # A shell that runs the tests in the background hands down an ignored Ctrl-C.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )

    @property
    def shown(self) -> str:
        return self._shown.read_text()

    def address(self) -> str:
        """Wait until it invites; the first time it fetches the runtimes."""

        def found() -> str | None:
            if self._process.poll() is not None:
                raise AssertionError(self.shown)
            match = re.search(r"^https?://\S+/$", self.shown, re.MULTILINE)
            return match and match[0]

        return str(wait_until(found, 300, "an address"))

    def interrupt(self) -> None:
        self._process.send_signal(signal.SIGINT)

    def end(self) -> tuple[int, dict[str, Any]]:
        """Exit status and what it printed."""
        out, _ = self._process.communicate(timeout=60)
        return self._process.returncode, json.loads(out) if out else {}

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()
