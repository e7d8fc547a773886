"""What the doctor finds on this very machine, and on one without programs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from ca_deploy.bench.devices import _DEVICES
from ca_deploy.bench.devices.emulated import _NEWEST_QEMU, _OLDEST_QEMU
from ca_deploy.doctor.abilities import ABILITIES
from ca_deploy.doctor.inspection import _unmet, inspect
from ca_deploy.formats import FORMATS

ROOT = Path(__file__).parents[2]


def by_name() -> dict[str, object]:
    return {one.ability.name: one for one in inspect()}


def programs(folder: Path, monkeypatch: pytest.MonkeyPatch, **scripts: str) -> None:
    """Put these shell scripts on an otherwise empty PATH."""
    for name, script in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


def test_what_the_tests_run_on_works() -> None:
    found = by_name()
    for name in ("onnx", "tflite", "local"):
        assert found[name].works
    assert found["tflite"].versions["ai-edge-litert"] == metadata.version("ai-edge-litert")


def test_a_machine_without_programs_is_told_how_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = by_name()
    assert found["ssh"].missing == ("ssh", "aarch64-linux-gnu-gcc")
    assert "apt-get install openssh-client gcc-aarch64-linux-gnu" in found["ssh"].ability.install
    assert found["emulated"].missing == ("qemu-aarch64", "gcc", "aarch64-linux-gnu-gcc")
    assert found["local"].works


def test_a_program_that_hangs_or_says_nothing_counts_as_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs(tmp_path, monkeypatch, adb="echo no number", ssh="echo OpenSSH_9.2p1 >&2")
    found = by_name()
    assert found["adb"].versions == {"adb": None}
    assert "adb" not in found["adb"].missing
    assert found["ssh"].versions == {"ssh": "9.2"}


def test_a_far_machine_takes_a_compiler_and_its_libraries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiler = 'case $1 in -print*c.so.6) echo /lib/libc.so.6;; -print*) echo "${1#*=}";; *) echo 12.2;; esac'
    programs(tmp_path, monkeypatch, **{"ssh": "echo 9.2", "aarch64-linux-gnu-gcc": compiler})
    found = by_name()
    assert found["ssh"].missing == ("libstdc++.so.6 of aarch64-linux-gnu-gcc",)
    assert found["ssh to x86-64"].missing == ("x86_64-linux-gnu-gcc",)


def test_a_qemu_that_cannot_load_the_plugin_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs(tmp_path, monkeypatch, **{"qemu-aarch64": "echo qemu-aarch64 version 9.1.0"})
    assert "qemu-aarch64 >=7,<9 (here is 9.1.0)" in by_name()["emulated"].missing
    bounds = SpecifierSet(by_name()["emulated"].ability.bounds["qemu-aarch64"])
    taken = [version for version in range(5, 12) if bounds.contains(f"{version}.2.1")]
    assert taken == list(range(_OLDEST_QEMU, _NEWEST_QEMU + 1))


def test_a_package_that_is_too_old_is_missing() -> None:
    assert _unmet("numpy", "1.26.4") == ">=2.1"
    assert _unmet("numpy", metadata.version("numpy")) == ""
    assert _unmet("nobody-asks-for-this", "0.1") == ""


def test_rows_devices_formats_and_extras_are_the_same() -> None:
    assert set(_DEVICES) <= {one.name for one in ABILITIES if one.group == "device"}
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    installs = " ".join(one.install for one in ABILITIES)
    assert set(re.findall(r"ca-deploy\[(\w+)\]", installs)) == set(extras)
    assert [one.name for one in ABILITIES if one.group == "format"] == list(FORMATS)


def test_it_is_readable_by_machines(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "ca_deploy", "doctor", "--json"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    document = json.loads(done.stdout)
    assert {one["group"] for one in document["abilities"]} == {"format", "device", "command", "check"}
    for one in document["abilities"]:
        assert (one["install"] is None) == one["works"] == (one["missing"] == [])
