"""quantize(): an export of a small network, taken up again."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import ca_deploy
from ca_deploy.artifact import sha256_file
from ca_deploy.errors import UserError

pytestmark = pytest.mark.slow

NETWORK = """
from torch import nn
def build():
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU6(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3)
    )
"""


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """An exported folder, beside the weights, the images and the module that it was made of."""
    place = tmp_path_factory.mktemp("quantize")
    (place / "small_network.py").write_text(NETWORK)
    random = np.random.default_rng(0)
    for name in ("images", "others"):
        np.savez(place / f"{name}.npz", images=random.integers(0, 256, (40, 32, 32, 3), dtype=np.uint8))
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU6(), nn.Identity(), nn.Flatten(), nn.Linear(8, 3))
    torch.save(layers.state_dict(), place / "weights.pt")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        ca_deploy.export(
            model="small_network:build",
            weights="weights.pt",
            images="images.npz",
            input_size="32",
            precision=["int8"],
            optimize="fast",
            seed=3,
            out="out",
        )
    return place / "out"


@pytest.fixture
def again(exported, tmp_path, monkeypatch):
    """Take the export up from its own folder, and publish elsewhere."""
    monkeypatch.chdir(exported.parent)
    return lambda **options: ca_deploy.quantize(exported, out=tmp_path / "again", **options)


def manifest_of(folder):
    return json.loads((folder / "manifest.json").read_text())


def test_the_same_options_give_the_same_bytes(exported, again):
    result = again()
    name = "model_int8.tflite"
    assert sha256_file(result.folder / name) == sha256_file(exported / name)
    assert result.warnings == ()
    assert [path.name for path in sorted(result.folder.glob("*.tflite"))] == [name, "model_uint8.tflite"]


def test_the_manifest_says_what_it_was_made_from(exported, again):
    made = manifest_of(again(optimize="balanced", ranges="mse").folder)
    assert made["made_from"] == {
        "folder": str(exported),
        "manifest_sha256": sha256_file(exported / "manifest.json"),
    }
    before = manifest_of(exported)
    assert before["made_from"] is None
    assert (made["network"], made["seed"]) == (before["network"], 3)
    assert (before["optimize"], made["optimize"]) == ("fast", "balanced")
    assert (before["ranges"], made["ranges"]) == ("minmax", "mse")


def test_the_manifest_says_what_was_learned(again, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    made = manifest_of(again(optimize="best", optimize_minutes=0.05).folder)
    assert made["optimize_minutes"] == 0.05
    int8, pixels = (one["reconstruction"] for one in made["artifacts"])
    assert int8 == pixels
    assert int8["kept"] is (int8["after_db"] > int8["before_db"])


def test_every_format_is_quantized_anew(again):
    pytest.importorskip("coremltools", reason="pip install 'ca-deploy[coreml]'")
    result = again(targets=["ios"], formats=["tflite", "ort", "coreml"])
    assert {one.artifact.name for one in result.exported} == {
        "model_int8.tflite",
        "model_uint8.tflite",
        "model_int8.onnx",
        "model_int8.ort",
        "model_int8_weights.mlpackage",
        "model_int8.mlpackage",
    }


def test_other_images_are_taken_and_said(exported, again):
    result = again(images=exported.parent / "others.npz", precision=["fp16"])
    assert f"calibrated on other images than {exported} was" in result.warnings
    assert not set(manifest_of(result.folder)["calibration"]["sha256"]) & set(
        manifest_of(exported)["calibration"]["sha256"]
    )


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda place: (place / "weights.pt").unlink(), "weights.pt are gone"),
        (lambda place: (place / "weights.pt").write_bytes(b"others"), "weights.pt have changed since"),
        (lambda place: (place / "images.npz").unlink(), "images.npz: there is no such folder"),
        (lambda place: (place / "out/manifest.json").unlink(), "not an exported folder"),
    ],
)
def test_what_the_export_was_made_of_must_still_be_there(exported, tmp_path, monkeypatch, harm, message):
    place = tmp_path / "copy"
    shutil.copytree(exported.parent, place)
    manifest = (place / "out/manifest.json").read_text()
    (place / "out/manifest.json").write_text(manifest.replace(str(exported.parent), str(place)))
    harm(place)
    monkeypatch.chdir(place)
    with pytest.raises(UserError, match=message) as caught:
        ca_deploy.quantize("out")
    assert "\n" not in str(caught.value)
    assert not Path("out-quantized").exists()


def test_an_earlier_result_is_replaced_only_when_asked_for(again):
    again()
    with pytest.raises(UserError, match="pass --overwrite"):
        again()
    again(overwrite=True)
