"""Bundles of a small exported folder: what lies in them, that they repeat, and what is refused."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import pytest

from ca_deploy.artifact import sha256_file
from ca_deploy.bundling import bundle
from ca_deploy.errors import UserError
from ca_deploy.quantization.batch import with_batch
from ca_deploy.verify.tflite_graph import TFLiteGraph

FILES = [
    "Classifier.kt",
    "LICENSE.txt",
    "MediaPipeClassifier.kt",
    "README.md",
    "labels.txt",
    "manifest.json",
    "model_uint8.tflite",
]


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_an_android_bundle_holds_what_an_app_needs(exported: Path) -> None:
    manifest = bundle(exported, "android")
    folder = exported.with_name("colours-android")
    assert manifest["path"] == str(folder)
    assert names_in(folder) == FILES
    assert (folder / "labels.txt").read_text() == "red\ngreen\nblue\n"
    assert "under MIT" in (folder / "LICENSE.txt").read_text()
    assert (folder / "model_uint8.tflite").read_bytes() == (exported / "model_uint8.tflite").read_bytes()


def test_the_manifest_names_every_other_file_by_content(exported: Path, tmp_path: Path) -> None:
    bundle(exported, "android", out=tmp_path / "out")
    written = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert (written["platform"], written["license"]) == ("android", "MIT")
    assert [one["file"] for one in written["models"]] == ["model_uint8.tflite"]
    assert {name: one["sha256"] for name, one in written["files"].items()} == {
        name: sha256_file(tmp_path / "out" / name) for name in FILES if name != "manifest.json"
    }


def test_an_archive_repeats_to_the_byte_whatever_time_the_export_took(exported: Path, tmp_path: Path) -> None:
    first = bundle(exported, "android", zip_archive=True, out=tmp_path / "one.zip")
    moved = tmp_path / "moved" / "colours"
    shutil.copytree(exported, moved)
    exported_again = json.loads((moved / "manifest.json").read_text())
    for one in exported_again["artifacts"]:
        one |= {"latency": [{"median": 9.9}], "reconstruction": {"seconds": 9.9}}
    (moved / "manifest.json").write_text(json.dumps(exported_again))
    bundle(moved, "android", zip_archive=True)
    second = moved.with_name("colours-android.zip")
    assert (tmp_path / "one.zip").read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first["path"]) as archive:
        assert archive.namelist() == FILES
    assert names_in(tmp_path / "moved") == ["colours", "colours-android.zip"]


def test_what_a_killed_run_left_is_no_obstacle(exported: Path, tmp_path: Path) -> None:
    bundle(exported, "android", out=tmp_path / ".one.zip.unpacked")
    bundle(exported, "android", zip_archive=True, out=tmp_path / "one.zip")
    assert names_in(tmp_path) == ["colours", "one.zip"]


def test_an_earlier_bundle_stays_unless_told(exported: Path, tmp_path: Path) -> None:
    for zip_archive in (False, True):
        out = tmp_path / f"out{zip_archive}"
        bundle(exported, "android", out=out, zip_archive=zip_archive)
        with pytest.raises(UserError, match="--overwrite"):
            bundle(exported, "android", out=out, zip_archive=zip_archive)
        bundle(exported, "android", out=out, zip_archive=zip_archive, overwrite=True)


def test_nothing_but_a_bundle_is_replaced(exported: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.zip"
    with zipfile.ZipFile(mine, "w") as archive:
        archive.writestr("photos.txt", "mine")
    before = mine.read_bytes()
    for out, zip_archive in ((exported, False), (exported, True), (mine, True), (mine, False)):
        with pytest.raises(UserError, match="is not replaced; choose another --out"):
            bundle(exported, "android", out=out, zip_archive=zip_archive, overwrite=True)
    assert mine.read_bytes() == before
    assert (exported / "model_int8.tflite").is_file()


def test_another_model_can_be_asked_for(exported: Path, tmp_path: Path) -> None:
    bundle(exported, "android", models=["model_int8.tflite"], out=tmp_path / "out")
    assert names_in(tmp_path / "out") == [
        name.replace("uint8", "int8") for name in FILES if name != "MediaPipeClassifier.kt"
    ]
    readme = (tmp_path / "out" / "README.md").read_text()
    assert "int8 (1, 8, 8, 3)" in readme
    assert "MediaPipe" not in readme


@pytest.mark.parametrize(
    ("platform", "models", "message"),
    [
        ("symbian", None, "--platform symbian: unknown; choose from android"),
        ("android", ["model_fp16.tflite"], "--model model_fp16.tflite: not for android, or rejected"),
        ("android", ["model.onnx"], "--model model.onnx: not for android"),
        ("android", ["model_int8.tflite", "model_fp32.tflite"], "holds one model, not 2"),
    ],
)
def test_what_cannot_be_bundled_is_one_line(
    exported: Path, tmp_path: Path, platform: str, models: list[str] | None, message: str
) -> None:
    with pytest.raises(UserError) as caught:
        bundle(exported, platform, models=models, out=tmp_path / "out")
    assert message in str(caught.value)
    assert names_in(tmp_path) == ["colours"]


def test_a_file_that_has_changed_is_not_passed_on(exported: Path) -> None:
    with (exported / "model_uint8.tflite").open("ab") as file:
        file.write(b"more")
    with pytest.raises(UserError, match="has changed since it was exported"):
        bundle(exported, "android")


def put(exported: Path, content: bytes) -> None:
    """Another model for apps, as if it had been exported so."""
    (exported / "model_uint8.tflite").write_bytes(content)
    manifest = json.loads((exported / "manifest.json").read_text())
    for one in manifest["artifacts"]:
        one["sha256"] = sha256_file(exported / one["file"])
    (exported / "manifest.json").write_text(json.dumps(manifest))


def test_a_network_that_is_no_classifier_says_so(exported: Path) -> None:
    graph = TFLiteGraph()
    image, doubled = (graph.tensor((1, 8, 8, 3), "float32") for _ in range(2))
    graph.node("ADD", [image, image], [doubled], "Add")
    put(exported, graph.to_bytes([image], [doubled]))
    with pytest.raises(UserError, match="for image classifiers"):
        bundle(exported, "android")


def test_a_file_for_several_images_at_once_says_so(exported: Path) -> None:
    put(exported, with_batch((exported / "model_uint8.tflite").read_bytes(), 4))
    with pytest.raises(UserError, match="takes 4 images at once; a bundle's code hands over one"):
        bundle(exported, "android")
