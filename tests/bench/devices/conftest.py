"""Machines to reach, shared by the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from bench_models import gated_block
from far_machine import FarMachine


@pytest.fixture(scope="session")
def far_machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FarMachine]:
    """An aarch64 machine with a shell and nothing else."""
    machine = FarMachine(tmp_path_factory.mktemp("far"))
    yield machine
    machine.close()


@pytest.fixture
def far(far_machine: FarMachine) -> Iterator[FarMachine]:
    """The same; nothing may be left there."""
    yield far_machine
    for command in far_machine.commands.iterdir():
        command.unlink()
    assert far_machine.left_behind() == []
    assert far_machine.processes() == []


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """float32.tflite and int8.tflite."""
    folder = tmp_path_factory.mktemp("models")
    made = [folder / f"{dtype}.tflite" for dtype in ("float32", "int8")]
    for path in made:
        path.write_bytes(gated_block(path.stem))
    return made
