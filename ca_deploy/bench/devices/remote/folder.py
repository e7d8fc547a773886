"""A private folder on the far side, which goes away with the connection."""

from __future__ import annotations

import os
import re
import secrets
import select
import shlex
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from ca_deploy.bench.devices.remote.connection import Connection, Finished, client, execute, finish
from ca_deploy.errors import DeviceError

_BASES = ("${TMPDIR:-}", "/data/local/tmp", "/tmp", "/var/tmp", "${HOME:-}")  # the first that serves
_SHORT_SECONDS = 60  # for commands that do next to nothing
_PUSH_SECONDS = 600
_SIGNALS = 128  # a shell's exit status for a program that a signal ended is above
_CRASHES = {
    4: "illegal instruction",
    6: "aborted",
    7: "bus error",
    8: "arithmetic error",
    9: "killed",
    11: "segmentation fault",
}

# A shell that makes the folder, says where it is, and waits until its standard input ends: with the block
# that uses the folder, with this program, or with the connection. Then it ends what still runs there and
# removes all. A place that nothing can be written to, or started from (noexec), is left for the next.
_KEEPER = """
trap '' HUP INT TERM PIPE
found=
for base in {bases}; do
  folder=$base/ca-deploy-{token}
  [ -n "$base" ] && mkdir -m 700 "$folder" 2>/dev/null || continue
  echo 'exit 0' 2>/dev/null >"$folder/probe" && chmod 700 "$folder/probe" && "$folder/probe" 2>/dev/null &&
    found=$folder && break
  rm -rf "$folder"
done
echo "ca-deploy folder $found"
[ -n "$found" ] || exit 0
cat >/dev/null
[ -s "$found/pid" ] && kill -9 "$(cat "$found/pid")" 2>/dev/null
rm -rf "$found"
"""

# Runs a program beside a file that tells the keeper which process it is.
_RUN = """
cd {folder} || exit
{command} </dev/null & pid=$!
echo $pid >pid
wait $pid; status=$?
rm -f pid
(exit $status)
"""

_FOLDER = re.compile(rb"ca-deploy folder (.*?)\r?\n")

# Before every script: what stands in front of it was said by a login shell.
_BEGIN = "echo ca-deploy begins"
_BEGUN = re.compile(rb"ca-deploy begins\r?\n")

# Behind every script: adb's client gives exit status 0 when the connection breaks, so that only this tells
# that the script came to its end.
_END = "echo ended $?"
_ENDED = re.compile(rb"ended (\d+)\r?\n\Z")


class FarFolder:
    """A folder on the far side of a connection; see `far_folder`.

    Attributes:
        device: the device's name.
    """

    def __init__(self, connection: Connection, path: str) -> None:
        self.device = connection.name
        self._connection = connection
        self._path = path

    def push(self, files: Mapping[str, Path]) -> None:
        """Copy files into the folder, each under the name that it is listed with.

        Raises:
            DeviceError: when that fails, for want of space for example.
        """
        done = self._connection.push(files, self._path)
        if done.late:
            raise DeviceError(f"{self.device}: files could not be copied: that took too long")
        if done.status:
            reason = self._connection.explain(done) or f"files could not be copied: {done.last_line}"
            raise DeviceError(f"{self.device}: {reason}")

    def read(self, name: str) -> bytes:
        """What a file of the folder holds.

        Raises:
            DeviceError: when it cannot be read.
        """
        return self._finished(f"cat {shlex.quote(f'{self._path}/{name}')}", _PUSH_SECONDS, name)

    def ask(self, script: str) -> str:
        """What a script of short commands says, whether they fail or not.

        Raises:
            DeviceError: when the connection fails.
        """
        said = self._finished(f"{script}\ntrue", _SHORT_SECONDS, "a short command")
        return said.decode(errors="replace")

    def run(
        self, command: str, seconds: float, what: str, on_line: Callable[[bytes], None] | None = None
    ) -> str:
        """Run a program in the folder; what it wrote on standard output.

        Args:
            command: words for the shell.
            seconds: after which it is ended.
            what: what the program does, for the message when it fails.
            on_line: called with each line as it comes.

        Raises:
            DeviceError: when it fails, crashes or takes too long, or the connection does.
        """
        script = _RUN.format(folder=shlex.quote(self._path), command=command)
        advice = "; allow more with --timeout"
        return self._finished(script, seconds, what, on_line, advice).decode(errors="replace")

    def _finished(
        self,
        script: str,
        seconds: float,
        what: str,
        on_line: Callable[[bytes], None] | None = None,
        advice: str = "",
    ) -> bytes:
        """The output of a script that succeeded; `advice` is for when that took too long."""

        def follow(line: bytes) -> None:
            if on_line and not (_ENDED.fullmatch(line) or _BEGUN.search(line)):
                on_line(line)

        done = execute(self._connection.shell(f"{_BEGIN}\n{script}\n{_END}"), seconds, on_line=follow)
        begun, ended = _BEGUN.search(done.output), _ENDED.search(done.output)
        if begun and ended and ended[1] == b"0":
            return done.output[begun.end() : ended.start()]
        if done.late:
            raise DeviceError(f"{self.device}: {what} took over {seconds:g} s{advice}")
        raise DeviceError(f"{self.device}: {self._reason(done, int(ended[1]) if ended else None, what)}")

    def _reason(self, done: Finished, status: int | None, what: str) -> str:
        """Why a script did not succeed; `status` is None when it did not come to its end."""
        if status is None:
            return self._connection.explain(done) or f"the connection was lost ({done.last_line})"
        if status > _SIGNALS:
            number = status - _SIGNALS
            return f"{what} crashed with signal {number} ({_CRASHES.get(number, 'see signal(7)')})"
        return f"{what} failed: {replace(done, status=status).last_line}"


@contextmanager
def far_folder(connection: Connection) -> Iterator[FarFolder]:
    """An empty folder that only the user can enter; removed afterwards, also when the connection breaks.

    Raises:
        DeviceError: when the far side cannot be reached, or has no place for a folder.
    """
    bases = " ".join(f'"{base}"' for base in _BASES)
    script = _KEEPER.format(bases=bases, token=secrets.token_hex(6))
    with client(connection.shell(script), subprocess.PIPE) as keeper:
        path = _folder_of(connection, keeper)
        try:
            yield FarFolder(connection, path)
        finally:
            assert keeper.stdin is not None
            keeper.stdin.close()
            finish(keeper, _SHORT_SECONDS)


def _folder_of(connection: Connection, keeper: subprocess.Popen[bytes]) -> str:
    """Where the keeper made the folder."""
    assert keeper.stdout is not None
    said, heard = b"", b"-"
    while heard and not (found := _FOLDER.search(said)):
        if not select.select([keeper.stdout], [], [], _SHORT_SECONDS)[0]:
            raise DeviceError(f"{connection.name}: no answer for {_SHORT_SECONDS} s")
        heard = os.read(keeper.stdout.fileno(), 4096)
        said += heard
    if found and found[1]:
        return found[1].decode()
    done = finish(keeper, _SHORT_SECONDS)
    if done.status == 0:
        raise DeviceError(
            f"{connection.name}: no folder there can be written and run programs (tried TMPDIR, /tmp, the "
            "home folder): make space, or set TMPDIR there"
        )
    raise DeviceError(f"{connection.name}: {connection.explain(done) or done.last_line}")
