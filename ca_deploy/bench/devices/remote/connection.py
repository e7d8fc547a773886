"""A connection to a POSIX shell elsewhere, and one command of its client."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from ca_deploy.errors import last_line

_GIVE_UP_SECONDS = 5  # for a client that was killed


class Connection(Protocol):
    """How a device's shell is reached: the command lines of a real client.

    Attributes:
        name: the device's name.
    """

    @property
    def name(self) -> str: ...  # noqa: D102  the class docstring says it

    def shell(self, script: str) -> list[str]:
        """The command that runs a script of a POSIX shell there and ends with its exit status."""

    def push(self, files: Mapping[str, Path], folder: str) -> Finished:
        """Copy files into a folder of the far side under other names; programs stay programs."""

    def explain(self, finished: Finished) -> str | None:
        """One line about a command that the connection made fail; None when the far side did."""


@dataclass(frozen=True)
class Finished:
    """A command that has ended.

    Attributes:
        status: the client's exit status.
        output: standard output.
        complaint: standard error.
        late: it was ended because it took too long.
    """

    status: int
    output: bytes
    complaint: str
    late: bool = False

    @property
    def last_line(self) -> str:
        """What it complained of last."""
        return last_line(self.complaint, f"exit status {self.status}")


Stdin = int | IO[bytes]


@contextlib.contextmanager
def client(command: Sequence[str], stdin: Stdin) -> Iterator[subprocess.Popen[bytes]]:
    """Start a client; whatever happens, it has ended afterwards.

    It is in a session of its own, so that Ctrl-C on the terminal reaches only this program, which can then
    clean up through the connection.
    """
    process = subprocess.Popen(
        command, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            _kill(process)
            process.wait(_GIVE_UP_SECONDS)
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def finish(
    process: subprocess.Popen[bytes], seconds: float, on_line: Callable[[bytes], None] | None = None
) -> Finished:
    """Read what a client says until it ends.

    Args:
        process: the client.
        seconds: after which it is killed.
        on_line: called with each line of standard output as it comes.
    """
    assert process.stdout is not None
    assert process.stderr is not None
    late = threading.Event()

    def kill() -> None:
        late.set()
        _kill(process)

    complaints: list[bytes] = []
    reader = threading.Thread(target=complaints.extend, args=(process.stderr,), daemon=True)
    timer = threading.Timer(seconds, kill)
    timer.daemon = True
    reader.start()
    timer.start()
    lines = []
    try:
        for line in process.stdout:
            lines.append(line)
            if on_line:
                on_line(line)
        status = process.wait()
    finally:
        timer.cancel()
    reader.join(_GIVE_UP_SECONDS)
    return Finished(status, b"".join(lines), b"".join(complaints).decode(errors="replace"), late.is_set())


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a client and what it started, a proxy for example, which would keep its output open."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def execute(
    command: Sequence[str],
    seconds: float,
    stdin: Stdin = subprocess.DEVNULL,
    on_line: Callable[[bytes], None] | None = None,
) -> Finished:
    """Run a client to its end; see `finish`."""
    with client(command, stdin) as process:
        return finish(process, seconds, on_line)
