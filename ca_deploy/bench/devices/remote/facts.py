"""What a far machine is: asked with one script, in files and commands that Linux and Android have."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ca_deploy.bench.devices.questions import ask
from ca_deploy.bench.devices.remote.folder import FarFolder

# Section and the command that fills it; one that a machine does not have leaves it empty.
_QUESTIONS = {
    "machine": "uname -m",
    "kernel": "uname -sr",
    "board": "cat /proc/device-tree/model | tr -d '\\000'",
    "product": "cat /sys/class/dmi/id/product_name",
    "distribution": "grep ^PRETTY_NAME= /etc/os-release",
    "cpuinfo": "cat /proc/cpuinfo",
    "frequencies": "grep . /sys/devices/system/cpu/cpu[0-9]*/cpufreq/cpuinfo_max_freq",
    "maker": "getprop ro.product.manufacturer",
    "phone": "getprop ro.product.model",
    "chip": "getprop ro.soc.model",
    "android": "getprop ro.build.version.release",
}

# MIDR part numbers of Arm's own cores (Arm's Technical Reference Manuals; util-linux's lscpu lists them).
_ARM_CORES = {
    "0xd03": "Cortex-A53",
    "0xd04": "Cortex-A35",
    "0xd05": "Cortex-A55",
    "0xd07": "Cortex-A57",
    "0xd08": "Cortex-A72",
    "0xd09": "Cortex-A73",
    "0xd0a": "Cortex-A75",
    "0xd0b": "Cortex-A76",
    "0xd0c": "Neoverse-N1",
    "0xd0d": "Cortex-A77",
    "0xd40": "Neoverse-V1",
    "0xd41": "Cortex-A78",
    "0xd44": "Cortex-X1",
    "0xd46": "Cortex-A510",
    "0xd47": "Cortex-A710",
    "0xd48": "Cortex-X2",
    "0xd49": "Neoverse-N2",
    "0xd4d": "Cortex-A715",
    "0xd4e": "Cortex-X3",
    "0xd4f": "Neoverse-V2",
    "0xd80": "Cortex-A520",
    "0xd81": "Cortex-A720",
    "0xd82": "Cortex-X4",
}


@dataclass(frozen=True)
class Facts:
    """What a machine says about itself.

    Attributes:
        architecture: as `uname -m` says it; `arm64` is `aarch64`.
        model: the board, phone or product.
        processor: the chip, or the kinds of its cores.
        system: operating system and version.
        cores: how many there are.
        frequencies: the highest of each core in kHz, by its number; empty where the machine does not tell.
    """

    architecture: str
    model: str
    processor: str
    system: str
    cores: int
    frequencies: dict[int, int]

    def fastest_cores(self, threads: int) -> tuple[int, ...]:
        """The cores to run so many threads on: all that are as fast as the slowest of the fastest `threads`.

        Empty where all are alike or unknown: then the system chooses.
        """
        if len(set(self.frequencies.values())) < 2:
            return ()
        limit = sorted(self.frequencies.values(), reverse=True)[min(threads, len(self.frequencies)) - 1]
        return tuple(core for core, frequency in sorted(self.frequencies.items()) if frequency >= limit)


def read_facts(folder: FarFolder) -> Facts:
    """Ask a machine what it is.

    Raises:
        DeviceError: when the connection fails.
    """
    return parse_facts(ask(folder.ask, _QUESTIONS))


def parse_facts(answers: dict[str, str]) -> Facts:
    """Read the answers; see `_QUESTIONS`."""
    cpuinfo = answers["cpuinfo"]
    phone = " ".join(part for part in (answers["maker"], answers["phone"]) if part)
    android = f"Android {answers['android']}, " if answers["android"] else ""
    distribution = answers["distribution"].partition("=")[2].strip('"')
    architecture = answers["machine"]
    return Facts(
        architecture="aarch64" if architecture == "arm64" else architecture,
        model=phone or answers["board"] or answers["product"] or "unknown",
        processor=answers["chip"] or _processor(cpuinfo) or architecture,
        system=android + ", ".join(part for part in (distribution, answers["kernel"]) if part),
        cores=max(1, len(re.findall(r"^processor\s*:", cpuinfo, re.MULTILINE))),
        frequencies={
            int(core): int(frequency)
            for core, frequency in re.findall(r"/cpu(\d+)/cpufreq/\w+:(\d+)", answers["frequencies"])
        },
    )


def _processor(cpuinfo: str) -> str:
    """The processor's name (x86), or how many there are of each core (ARM)."""
    names = re.findall(r"^model name\s*:\s*(.+)$", cpuinfo, re.MULTILINE)
    if names:
        return str(names[0])
    parts = re.findall(r"^CPU part\s*:\s*(0x[0-9a-f]+)$", cpuinfo, re.MULTILINE)
    kinds = [_ARM_CORES.get(part, f"part {part}") for part in parts]
    return " + ".join(f"{kinds.count(kind)}x {kind}" for kind in dict.fromkeys(kinds))
