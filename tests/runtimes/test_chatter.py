from __future__ import annotations

import os

import pytest

from ca_deploy.runtimes.chatter import quiet_stderr


def test_information_is_dropped_and_warnings_pass(capfd: pytest.CaptureFixture[str]) -> None:
    with quiet_stderr():
        os.write(2, b"INFO: created a delegate\nWARNING: a tensor is dynamic\nVERBOSE: replaced nodes\n")
    os.write(2, b"INFO: afterwards\n")

    assert capfd.readouterr().err == "WARNING: a tensor is dynamic\nINFO: afterwards\n"


def test_standard_error_is_back_after_an_error(capfd: pytest.CaptureFixture[str]) -> None:
    @quiet_stderr()
    def fail() -> None:
        os.write(2, b"ERROR: why\n")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert capfd.readouterr().err == "ERROR: why\n"
