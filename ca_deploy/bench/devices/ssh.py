"""A machine behind SSH, such as a Raspberry Pi: the user's own OpenSSH, with its configuration and keys."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ca_deploy.bench.devices.protocol import DeviceOptions
from ca_deploy.bench.devices.remote.connection import Connection, Finished, execute
from ca_deploy.bench.devices.remote.device import RemoteDevice
from ca_deploy.errors import DeviceError, UserError

_PUSH_SECONDS = 600
_CLIENT_FAILED = 255  # ssh(1): the exit status of the remote command, or 255 if an error occurred

_OPTIONS = {
    "BatchMode": "yes",  # fail instead of asking for a password
    "ConnectTimeout": "10",
    "ServerAliveInterval": "5",
    "ServerAliveCountMax": "3",
    "LogLevel": "ERROR",
}

# What OpenSSH writes when it cannot connect, and what helps.
_REASONS = (
    (r"Permission denied \(", "refused every key: `ssh-copy-id` adds yours there, `ssh-add` loads it here"),
    (r"REMOTE HOST IDENTIFICATION HAS CHANGED", "has another host key than before: see `ssh-keygen -R`"),
    (r"Host key verification failed", "is not known by its host key: connect once by hand and accept it"),
    (r"Could not resolve hostname", "has a name that cannot be found: check it, or your SSH configuration"),
    (r"Connection refused", "refuses connections: is sshd running there, on this port?"),
    (
        r"timed out|No route to host|Network is unreachable",
        "cannot be reached: is it on, and on this network?",
    ),
)


def open_ssh(detail: str, options: DeviceOptions) -> RemoteDevice:
    """The device of `ssh://[USER@]HOST[:PORT]`, whose part behind `ssh:` is given.

    Raises:
        UserError: when it names no host.
    """
    name = f"ssh:{detail}"
    if not re.fullmatch(r"//([^@/\s]+@)?[^@/\s]+/?", detail):
        raise UserError(f"--device {name}: give ssh://USER@HOST or ssh://USER@HOST:PORT")
    return RemoteDevice(name, lambda: _connected(name.rstrip("/")), options)


@contextmanager
def _connected(name: str) -> Iterator[Connection]:
    if not shutil.which("ssh"):
        raise DeviceError("ssh is not installed: run `apt-get install openssh-client`")
    # The socket's path may have 104 letters at most; TMPDIR may have more.
    with tempfile.TemporaryDirectory(prefix="ca-deploy-", dir="/tmp") as folder:
        yield _SshConnection(name, Path(folder) / "socket")


class _SshConnection:
    """The first client becomes the master of one connection, which the others share."""

    def __init__(self, name: str, socket: Path) -> None:
        self.name = name
        options = _OPTIONS | {"ControlMaster": "auto", "ControlPath": str(socket), "ControlPersist": "no"}
        self._client = ["ssh", "-T", *(word for o in options.items() for word in ("-o", "=".join(o))), name]

    def shell(self, script: str) -> list[str]:
        """See `Connection.shell`; the user's login shell may be another than POSIX's."""
        return [*self._client, f"exec sh -c {shlex.quote(script)}"]

    def push(self, files: Mapping[str, Path], folder: str) -> Finished:
        """Copy through the shell, as one file that is cut there, which takes no tar and no SFTP server."""
        steps, start = [f"cd {shlex.quote(folder)}", "cat >all"], 1
        with tempfile.TemporaryFile() as content:
            for name, file in files.items():
                size, target = file.stat().st_size, shlex.quote(name)
                steps.append(f"tail -c +{start} all | head -c {size} >{target}")
                steps.append(f"chmod {_mode(file)} {target}")
                content.write(file.read_bytes())
                start += size
            content.seek(0)
            script = " && ".join([*steps, "rm all"])
            return execute(self.shell(script), _PUSH_SECONDS, stdin=content)

    def explain(self, finished: Finished) -> str | None:
        """See `Connection.explain`."""
        if finished.status != _CLIENT_FAILED:
            return None
        for pattern, reason in _REASONS:
            if re.search(pattern, finished.complaint):
                return reason
        return f"the connection was lost ({finished.last_line})"


def _mode(file: Path) -> str:
    return "700" if os.access(file, os.X_OK) else "600"
