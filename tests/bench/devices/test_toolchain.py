"""What is said when something is missing; none of it needs the emulator."""

from __future__ import annotations

from pathlib import Path

import pytest

from ca_deploy.bench import toolchain
from ca_deploy.bench.devices.emulated import EmulatedArm
from ca_deploy.errors import DeviceError


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "ca-deploy"


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An otherwise empty folder that is the whole PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def put(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


@pytest.mark.parametrize(
    ("name", "use"),
    [
        ("qemu-aarch64", EmulatedArm("cortex-a76").identity),
        ("aarch64-linux-gnu-gcc", lambda: toolchain.program("runner")),
        ("gcc", toolchain.instruction_counter),
    ],
)
def test_a_missing_tool_is_named_with_the_command_that_brings_it(name: str, use, programs: Path) -> None:
    with pytest.raises(DeviceError, match=rf"^{name} is not installed: run `apt-get install [^`]*gcc"):
        use()


def test_missing_arm_libraries_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain, "_ARM_LIBRARIES", tmp_path)

    with pytest.raises(DeviceError, match="the ARM libraries are not installed: run `apt-get install"):
        toolchain.core_root("cortex-a53")


def test_a_compiler_that_fails_leaves_nothing_in_the_cache(programs: Path, empty_cache: Path) -> None:
    put(programs, "gcc", "echo 'cannot execute cc1' >&2; exit 1")

    with pytest.raises(DeviceError, match=r"compiling insn_count\.c failed: cannot execute cc1"):
        toolchain.instruction_counter()
    assert list(empty_cache.iterdir()) == []


def test_another_emulator_is_refused(programs: Path) -> None:
    put(programs, "qemu-aarch64", "echo 'qemu-aarch64 version 10.0.2 (Debian)'")

    with pytest.raises(
        DeviceError, match=r"QEMU 10\.0\.2 cannot load the plugin.*install a version from 7 to 8"
    ):
        EmulatedArm("cortex-a76").identity()


def test_every_core_has_a_processor_file_of_its_own() -> None:
    texts = {(toolchain._NATIVE / "cpuinfo" / core).read_text() for core in toolchain.LEVEL_2_CACHE}

    assert len(texts) == len(toolchain.LEVEL_2_CACHE) == 3
