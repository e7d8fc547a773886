"""A folder on the far side of a connection, whose far side is a shell of this machine."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from ca_deploy.bench.devices.remote.connection import Finished
from ca_deploy.bench.devices.remote.folder import FarFolder, far_folder
from ca_deploy.errors import DeviceError


class Here:
    name = "here"

    def shell(self, script: str) -> list[str]:
        return ["sh", "-c", script]

    def push(self, files: Mapping[str, Path], folder: str) -> Finished:
        for name, file in files.items():
            shutil.copy(file, Path(folder) / name)
        return Finished(0, b"", "")

    def explain(self, _: Finished) -> str | None:
        return None


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def test_it_is_private_and_goes_away(base: Path) -> None:
    with far_folder(Here()) as folder:
        folder.push({"sent": Path(__file__)})

        (made,) = base.iterdir()
        assert made.stat().st_mode & 0o777 == 0o700
        assert folder.read("sent") == Path(__file__).read_bytes()
        assert folder.ask("pwd; false") == f"{Path.cwd()}\n"
    assert list(base.iterdir()) == []


def test_it_goes_away_when_its_user_fails(base: Path) -> None:
    with pytest.raises(KeyboardInterrupt), far_folder(Here()):
        raise KeyboardInterrupt
    assert list(base.iterdir()) == []


def test_lines_come_as_they_are_written(base: Path) -> None:
    lines: list[bytes] = []

    with far_folder(Here()) as folder:
        output = folder.run("printf 'a\\nb\\n'", 20, "it", lines.append)

    assert (output, lines) == ("a\nb\n", [b"a\n", b"b\n"])


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("false", "here: it failed: exit status 1$"),
        ("sh -c 'echo why >&2; exit 3'", "here: it failed: why$"),
        ("sh -c 'kill -11 $$'", r"here: it crashed with signal 11 \(segmentation fault\)$"),
        ("sleep 60", "here: it took over 0.5 s; allow more with --timeout"),
    ],
)
def test_a_program_that_fails(command: str, message: str, base: Path) -> None:
    with far_folder(Here()) as folder, pytest.raises(DeviceError, match=message):
        folder.run(command, 0.5 if "sleep" in command else 20, "it")


class Broken(Here):
    """A connection that ends in the middle, with exit status 0 as adb's client does."""

    def shell(self, script: str) -> list[str]:
        return super().shell(script if "trap" in script else f"exit 0\n{script}")


def test_a_connection_that_ends_in_the_middle_is_noticed(base: Path) -> None:
    with far_folder(Broken()) as folder, pytest.raises(DeviceError, match="the connection was lost"):
        folder.ask("true")


def test_a_place_for_the_folder_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", "/proc")

    with far_folder(Here()) as folder:
        assert isinstance(folder, FarFolder)


class Chatty(Here):
    """A login shell that greets."""

    def shell(self, script: str) -> list[str]:
        return super().shell(f"echo Welcome\necho; printf 'last login: today'\n{script}")


def test_what_a_login_shell_says_is_left_alone(base: Path) -> None:
    lines: list[bytes] = []

    with far_folder(Chatty()) as folder:
        folder.push({"sent": Path(__file__)})

        assert folder.read("sent") == Path(__file__).read_bytes()
        assert folder.ask("echo there") == "there\n"
        assert folder.run("echo done", 20, "it", lines.append) == "done\n"
    assert lines[-1] == b"done\n"
    assert list(base.iterdir()) == []


def test_an_answer_that_takes_too_long_is_not_the_timeout_s_fault(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Slow(Here):
        def push(self, files: Mapping[str, Path], folder: str) -> Finished:
            return Finished(-9, b"", "", late=True)

    monkeypatch.setattr("ca_deploy.bench.devices.remote.folder._SHORT_SECONDS", 0.5)
    with far_folder(Slow()) as folder:
        with pytest.raises(DeviceError, match=r"^here: a short command took over 0\.5 s$"):
            folder.ask("sleep 60")
        with pytest.raises(DeviceError, match=r"^here: files could not be copied: that took too long$"):
            folder.push({"sent": Path(__file__)})
