"""A machine to reach over SSH and adb: an aarch64 root with BusyBox and nothing else, run by qemu-aarch64.

Entering it makes a user namespace with a binfmt_misc of its own (Linux 6.7 and newer), in which the kernel
hands programs for aarch64 to the emulator, and changes the root there. The machine that this runs on is left
as it is.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from ca_deploy.bench import toolchain
from ca_deploy.runtimes.cache import cached

CORE = "cortex-a76"

# Makes the namespace, says that it is there, and holds it until its standard input ends.
_NAMESPACE = """
mount -t binfmt_misc none /proc/sys/fs/binfmt_misc &&
cat {binfmt} >/proc/sys/fs/binfmt_misc/register || exit
mount --rbind /dev {root}/dev && mount --rbind /proc {root}/proc && mount --rbind /sys {root}/sys || exit
mount --bind {cpuinfo} {root}/proc/cpuinfo && mount -t tmpfs -o size=2m none {root}/small || exit
echo ready
read end
"""

_ENTER = """#!/bin/sh
# usage: enter COMMAND: run it with the far machine's shell; $SSH_ORIGINAL_COMMAND without one
export QEMU_CPU={core} HOME=/root TMPDIR="$FAR_TMPDIR"
exec nsenter --target {process} --user --mount env PATH=/commands:/bin \\
  /usr/sbin/chroot {root} /bin/sh -c "${{SSH_ORIGINAL_COMMAND:-$1}}"
"""

# What makes the kernel run programs for aarch64 with QEMU (binfmt_misc in the kernel's documentation): bytes
# at the start of such a program (ELF, 64 bit, little endian, EM_AARCH64) and which of their bits count.
_BINFMT = (
    r":aarch64:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
    r":\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:{qemu}:POCF"
)


def _apt(folder: Path, *words: str) -> None:
    """apt-get for arm64 with a state of its own."""
    state = folder / "apt"
    (state / "lists/partial").mkdir(parents=True, exist_ok=True)
    (state / "cache/archives/partial").mkdir(parents=True, exist_ok=True)
    (state / "status").touch()
    options = {
        "APT::Architecture": "arm64",
        "APT::Architectures::": "arm64",
        "APT::Sandbox::User": "root",
        "Acquire::Languages": "none",
        "Debug::NoLocking": "1",
        "Dir::State": state,
        "Dir::State::lists": state / "lists",
        "Dir::State::status": state / "status",
        "Dir::Cache": state / "cache",
    }
    settings = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    subprocess.run(["apt-get", *settings, "-qq", *words], check=True, cwd=folder, capture_output=True)


def _busybox() -> Path:
    """BusyBox for arm64, from Debian, kept in the user's cache."""

    def fetch(folder: Path) -> None:
        _apt(folder, "update")
        _apt(folder, "download", "busybox-static")
        (package,) = folder.glob("*.deb")
        subprocess.run(["dpkg", "-x", package, folder / "package"], check=True)
        shutil.copy(folder / "package/bin/busybox", folder / "busybox")
        for rest in ("apt", "package"):
            shutil.rmtree(folder / rest)
        package.unlink()

    try:
        return cached("busybox-static-arm64", fetch) / "busybox"
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.fail(f"Debian's busybox-static for arm64 cannot be fetched: {error}")


class FarMachine:
    """The root, and a script that runs a command in it.

    Attributes:
        root: its folder.
        enter: the script.
        commands: a folder of the root that comes first in PATH, for commands that a test adds.
    """

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        for name in ("bin", "dev", "proc", "sys", "tmp", "root", "small", "commands"):
            (self.root / name).mkdir(parents=True)
        self.commands = self.root / "commands"
        shutil.copy(_busybox(), self.root / "bin/busybox")
        (self.root / "bin/sh").symlink_to("busybox")
        self._holder = self._hold_namespace(folder)
        self.enter = folder / "enter"
        self.enter.write_text(_ENTER.format(root=self.root, core=CORE, process=self._holder.pid))
        self.enter.chmod(0o755)
        done = self.run("/bin/busybox --install -s /bin; uname -m")
        assert done.stdout == "aarch64\n", done.stderr

    def _hold_namespace(self, folder: Path) -> subprocess.Popen[str]:
        qemu = toolchain.tool("qemu-aarch64")
        self._bring_libraries_of(qemu)
        binfmt, cpuinfo = folder / "binfmt", toolchain._NATIVE / "cpuinfo" / CORE
        binfmt.write_text(_BINFMT.format(qemu=qemu))
        script = _NAMESPACE.format(root=self.root, binfmt=binfmt, cpuinfo=cpuinfo)
        holder = subprocess.Popen(
            ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert holder.stdout is not None
        if holder.stdout.readline() != "ready\n":
            _, complaint = holder.communicate()
            pytest.fail(f"no aarch64 machine can be emulated in a namespace here: {complaint.strip()}")
        return holder

    def close(self) -> None:
        self._holder.communicate()

    def _bring_libraries_of(self, program: str) -> None:
        """Libraries of this machine for the emulator; programs for aarch64 do not see them."""
        listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
        for path in re.findall(r"(/\S+) \(0x", listed):
            copy = self.root / path.lstrip("/")
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copy)

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([self.enter, command], capture_output=True, text=True, check=False)

    def put(self, name: str, script: str) -> None:
        """Add a command, or replace one."""
        (self.commands / name).write_text(f"#!/bin/sh\n{script}\n")
        (self.commands / name).chmod(0o755)

    def wait_until_clean(self) -> None:
        """Give the far side the time to notice that a connection broke."""
        for _ in range(100):
            if not (self.left_behind() or self.processes()):
                return
            time.sleep(0.1)

    def processes(self) -> list[str]:
        """The command lines of what runs there."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # it ended meanwhile
                if (process / "root").readlink() == self.root:
                    found.append((process / "cmdline").read_text())
        return found

    def left_behind(self) -> list[str]:
        """What measuring should have removed."""
        listed = self.run("find / -xdev -name 'ca-deploy-*'; ls /small").stdout
        return listed.splitlines()
