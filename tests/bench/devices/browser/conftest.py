"""A page's visitor: Chromium in a network namespace of its own, which sees this machine as a phone would."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from chromium import Chromium


@dataclass(frozen=True)
class Network:
    """A network of two: this machine, and a namespace that stands for a phone.

    Attributes:
        address: this machine's on it.
        inside: what runs a command in the namespace.
    """

    address: str
    inside: tuple[str, ...]


@pytest.fixture(scope="session")
def network() -> Iterator[Network]:
    """A pair of virtual interfaces; one end is in a network namespace, where there is nothing else."""
    if not shutil.which("ip") or os.geteuid():
        pytest.fail("these tests make a network namespace: they need iproute2, and to run as root")
    name = f"cadeploy{os.getpid()}"
    ours, theirs = f"ca{os.getpid()}", f"cb{os.getpid()}"
    address, phone = "10.213.77.1", "10.213.77.2"
    inside = ("ip", "netns", "exec", name)
    _do("ip", "netns", "add", name)
    try:
        _do("ip", "link", "add", ours, "type", "veth", "peer", "name", theirs, "netns", name)
        _do("ip", "addr", "add", f"{address}/24", "dev", ours)
        _do("ip", "link", "set", ours, "up")
        _do(*inside, "ip", "addr", "add", f"{phone}/24", "dev", theirs)
        _do(*inside, "ip", "link", "set", theirs, "up")
        yield Network(address, inside)
    finally:
        _do("ip", "netns", "del", name)  # takes the pair with it


@pytest.fixture
def browser(network: Network, tmp_path: Path) -> Iterator[Chromium]:
    """A tab on the other side of the network; it trusts the run's certificate as one does by a tap."""
    opened = Chromium(tmp_path / "profile", "--ignore-certificate-errors", prefix=network.inside)
    try:
        yield opened
    finally:
        opened.close()


def _do(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)
