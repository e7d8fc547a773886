"""Which files are measured and what they are called."""

from __future__ import annotations

from pathlib import Path

import pytest

from ca_deploy.bench.artifacts import check_loadable, collect, labels
from ca_deploy.errors import UserError


def test_a_folder_gives_its_artifacts_by_name_and_nothing_from_folders_inside(
    model: bytes, tmp_path: Path
) -> None:
    (tmp_path / "rejected").mkdir()
    for name in ("b.tflite", "a.tflite", "rejected/c.tflite"):
        (tmp_path / name).write_bytes(model)
    (tmp_path / "report.json").write_text("{}")

    assert [path.name for path in collect([tmp_path])] == ["a.tflite", "b.tflite"]
    assert [path.name for path in collect([tmp_path / "b.tflite", tmp_path])] == ["b.tflite", "a.tflite"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("gone.tflite", None, "there is no such file or folder"),
        ("broken.tflite", b"not a model", "cannot be loaded by LiteRT"),
        ("notes.txt", b"words", r"no runtime here runs .*notes\.txt: give a \.tflite"),
    ],
)
def test_what_cannot_be_measured_is_said_before_anything_is(
    name: str, content: bytes | None, message: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)

    with pytest.raises(UserError, match=message):
        check_loadable(collect([tmp_path / name]))


def test_an_empty_folder_says_how_to_fill_it(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="run `ca-deploy export` first"):
        collect([tmp_path])


def test_names_are_as_short_as_they_can_be() -> None:
    old, new = Path("/x/old/model.tflite"), Path("/x/new/model.tflite")

    assert list(labels([old]).values()) == ["model.tflite"]
    assert labels([old, new]) == {old: "old/model.tflite", new: "new/model.tflite"}
