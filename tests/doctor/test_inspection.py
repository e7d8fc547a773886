"""What the doctor finds on this very machine, and on one without programs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from ca_deploy.bench.devices import _DEVICES
from ca_deploy.doctor.abilities import ABILITIES
from ca_deploy.doctor.inspection import _unmet, inspect

ROOT = Path(__file__).parents[2]


def by_name() -> dict[str, object]:
    return {one.ability.name: one for one in inspect()}


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
    assert found["ssh"].missing == ("ssh",)
    assert found["ssh"].ability.install == "apt-get install openssh-client"
    assert found["emulated"].missing == ("qemu-aarch64", "gcc", "aarch64-linux-gnu-gcc")
    assert found["local"].works


def test_a_program_that_hangs_or_says_nothing_counts_as_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "adb").write_text("#!/bin/sh\necho no number\n")
    (tmp_path / "ssh").write_text("#!/bin/sh\necho OpenSSH_9.2p1 >&2\n")
    for program in tmp_path.iterdir():
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = by_name()
    assert (found["adb"].works, found["adb"].versions) == (True, {"adb": None})
    assert found["ssh"].versions == {"ssh": "9.2"}


def test_a_package_that_is_too_old_is_missing() -> None:
    assert _unmet("numpy", "1.26.4") == ">=2.1"
    assert _unmet("numpy", metadata.version("numpy")) == ""
    assert _unmet("nobody-asks-for-this", "0.1") == ""


def test_every_device_and_every_extra_has_a_row() -> None:
    assert set(_DEVICES) <= {one.name for one in ABILITIES if one.group == "device"}
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    installs = " ".join(one.install for one in ABILITIES)
    assert [extra for extra in extras if f"ca-deploy[{extra}]" not in installs] == []


def test_it_is_readable_by_machines(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "ca_deploy", "doctor", "--json"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    document = json.loads(done.stdout)
    assert {one["group"] for one in document["abilities"]} == {"target", "device", "check"}
    for one in document["abilities"]:
        assert (one["install"] is None) == one["works"] == (one["missing"] == [])
