"""A network of two: this machine, and a namespace that stands for a phone."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address


@dataclass(frozen=True)
class Network:
    """Both ends.

    Attributes:
        address: this machine's on it.
        inside: what runs a command in the namespace.
    """

    address: str
    inside: tuple[str, ...]


@contextmanager
def private_network() -> Iterator[Network]:
    """A pair of virtual interfaces; one end is in a network namespace, where there is nothing else."""
    name = f"cadeploy{os.getpid()}"
    ours, theirs = f"ca{os.getpid()}", f"cb{os.getpid()}"
    lowest = ip_address("10.192.0.0") + 4 * (os.getpid() % 2**20)  # a network for each run
    address, phone = str(lowest + 1), str(lowest + 2)
    inside = ("ip", "netns", "exec", name)
    _do("ip", "netns", "add", name)
    try:
        _do("ip", "link", "add", ours, "type", "veth", "peer", "name", theirs, "netns", name)
        _do("ip", "addr", "add", f"{address}/30", "dev", ours)
        _do("ip", "link", "set", ours, "up")
        _do(*inside, "ip", "addr", "add", f"{phone}/30", "dev", theirs)
        _do(*inside, "ip", "link", "set", theirs, "up")
        yield Network(address, inside)
    finally:
        _do("ip", "netns", "del", name)  # takes the pair with it


def _do(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)
