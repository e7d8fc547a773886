"""What machines say about themselves, read."""

from __future__ import annotations

import pytest

from ca_deploy.bench.devices.remote.facts import _QUESTIONS, parse_facts

PI = {
    "machine": "aarch64",
    "kernel": "Linux 6.12.25+rpt-rpi-2712",
    "board": "Raspberry Pi 5 Model B Rev 1.0",
    "distribution": 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"',
    "cpuinfo": "\n".join(f"processor\t: {i}\nCPU implementer\t: 0x41\nCPU part\t: 0xd0b\n" for i in range(4)),
}
# One fast core, three medium, four slow.
FREQUENCIES = "\n".join(
    f"/sys/devices/system/cpu/cpu{core}/cpufreq/cpuinfo_max_freq:{kilohertz}"
    for core, kilohertz in enumerate([1700000] * 4 + [2400000] * 3 + [2900000])
)


def facts(**answers: str):
    return parse_facts(dict.fromkeys(_QUESTIONS, "") | answers)


def test_a_raspberry_pi() -> None:
    found = facts(**PI)

    assert (found.architecture, found.cores) == ("aarch64", 4)
    assert (found.model, found.processor) == ("Raspberry Pi 5 Model B Rev 1.0", "4x Cortex-A76")
    assert found.system == "Debian GNU/Linux 12 (bookworm), Linux 6.12.25+rpt-rpi-2712"
    assert found.fastest_cores(2) == ()


def test_a_phone() -> None:
    parts = ("0xd46",) * 4 + ("0xd4d",) * 3 + ("0xd4e",)
    cpuinfo = "\n".join(f"processor : {i}\nCPU part : {part}" for i, part in enumerate(parts))
    phone = {"machine": "aarch64", "kernel": "Linux 5.15", "maker": "Maker", "phone": "P 9", "android": "14"}

    with_chip = facts(**phone, chip="SM8550", cpuinfo=cpuinfo)
    without = facts(**phone, cpuinfo=cpuinfo)

    assert (with_chip.model, with_chip.processor) == ("Maker P 9", "SM8550")
    assert with_chip.system == "Android 14, Linux 5.15"
    assert without.processor == "4x Cortex-A510 + 3x Cortex-A715 + 1x Cortex-X3"


def test_a_pc_and_a_machine_that_says_little() -> None:
    pc = facts(machine="x86_64", product="NUC", cpuinfo="processor : 0\nmodel name\t: Some CPU @ 3 GHz\n")

    assert (pc.model, pc.processor) == ("NUC", "Some CPU @ 3 GHz")
    assert (facts(machine="arm64").architecture, facts().model, facts().cores) == ("aarch64", "unknown", 1)


@pytest.mark.parametrize(
    ("threads", "cores"),
    [(1, (7,)), (2, (4, 5, 6, 7)), (4, (4, 5, 6, 7)), (5, tuple(range(8))), (9, tuple(range(8)))],
)
def test_runs_stay_on_the_fastest_cores(threads: int, cores: tuple[int, ...]) -> None:
    assert facts(frequencies=FREQUENCIES).fastest_cores(threads) == cores
