from __future__ import annotations

from pathlib import Path

import pytest

from ca_deploy.runtimes.cache import cache_folder, cached


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "ca-deploy"


def write_one(folder: Path) -> None:
    (folder / "made").write_text("once")


def test_it_lies_in_the_home_folder_unless_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")

    assert cache_folder() == Path.home() / ".cache" / "ca-deploy"


def test_a_folder_is_made_once(cache: Path) -> None:
    made = cached("a/b", write_one)
    (made / "made").write_text("kept")

    assert cached("a/b", write_one) == made == cache / "a" / "b"
    assert (made / "made").read_text() == "kept"


def test_a_failure_leaves_nothing(cache: Path) -> None:
    def fail(folder: Path) -> None:
        write_one(folder)
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        cached("a", fail)
    assert list(cache.iterdir()) == []


def test_the_faster_of_two_makers_wins(cache: Path) -> None:
    def overtaken(folder: Path) -> None:
        (folder / "made").write_text("late")
        cached("a", write_one)

    assert (cached("a", overtaken) / "made").read_text() == "once"
    assert [f.name for f in cache.iterdir()] == ["a"]
