"""A real OpenSSH server on a loopback port of its own, with keys of its own."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

_CONFIG = """
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/user_key.pub
PidFile none
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
PermitRootLogin prohibit-password
PermitUserEnvironment no
{more}
"""

# The user's own ~/.ssh/config is out of reach: OpenSSH asks the user database for the home folder, not HOME.
_CLIENT = """#!/bin/sh
exec {ssh} -F {folder}/config "$@"
"""
_CLIENT_CONFIG = """
UserKnownHostsFile {folder}/known_hosts
IdentityFile {folder}/user_key
IdentitiesOnly yes
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class SshServer:
    """The server, and a client with a configuration and a key that it accepts.

    Attributes:
        device: the server as a device.
        port: where it listens.
        folder: its files, and `bin/ssh`, the client.
    """

    def __init__(self, folder: Path, more: str) -> None:
        """Start with more lines of sshd_config."""
        self.folder = folder
        self.port = free_port()
        self.device = f"ssh://{getpass.getuser()}@127.0.0.1:{self.port}"
        for name in ("host_key", "user_key", "stranger_key"):
            command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name]
            subprocess.run(command, check=True)
        for file, key in (("known_hosts", "host_key"), ("changed_hosts", "stranger_key")):
            (folder / file).write_text(
                f"[127.0.0.1]:{self.port} {(folder / key).with_suffix('.pub').read_text()}"
            )
        (folder / "config").write_text(_CLIENT_CONFIG.format(folder=folder))
        (folder / "bin").mkdir()
        client = folder / "bin/ssh"
        client.write_text(_CLIENT.format(ssh=shutil.which("ssh"), folder=folder))
        client.chmod(0o755)
        (folder / "sshd_config").write_text(_CONFIG.format(port=self.port, folder=folder, more=more))
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where it drops its privileges; Debian's own
        sshd = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin") or "sshd"
        self._process = subprocess.Popen(
            [sshd, "-D", "-f", folder / "sshd_config", "-E", folder / "log"], start_new_session=True
        )
        self._wait()

    def _wait(self) -> None:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError((self.folder / "log").read_text())

    def drop_connections(self) -> None:
        """Kill the processes that serve connections, as a broken network would end them."""
        for process in _descendants(self._process.pid):
            if Path(f"/proc/{process}/comm").read_text().startswith("sshd"):
                os.kill(process, signal.SIGKILL)

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(10)


def _descendants(process: int) -> list[int]:
    children = [int(c) for c in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    return [one for child in children for one in (child, *_descendants(child))]
