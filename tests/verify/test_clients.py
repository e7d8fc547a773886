"""What clients make of our files: MediaPipe and the last TFLite, each in an environment of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import ca_deploy
from ca_deploy.bundling import bundle
from ca_deploy.verify.clients import _same_best
from ca_deploy.verify.mediapipe_runtime import Category

SCORES = np.array([0.5, 0.2, 0.2, 0.1], np.float32)


def best(*pairs: tuple[int, float]) -> list[Category]:
    return [Category(index, "", score) for index, score in pairs]


def test_equal_scores_may_come_in_any_order() -> None:
    assert _same_best(best((0, 0.5), (1, 0.2)), SCORES)
    assert _same_best(best((0, 0.5), (2, 0.2)), SCORES)


def test_a_better_class_may_not_be_left_out_nor_scored_otherwise() -> None:
    assert not _same_best(best((0, 0.5), (3, 0.1)), SCORES)
    assert not _same_best(best((0, 0.5), (1, 0.3)), SCORES)
    assert not _same_best(best((1, 0.2), (0, 0.5)), SCORES)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("clients") / "out"
    return ca_deploy.export("ca_mobilenetv2_cifar10", out=out, precision=["fp32", "int8"]).folder


@pytest.mark.devices  # makes two environments with pip on first use, mediapipe among them
@pytest.mark.parametrize("model", ["model_uint8.tflite", "model_fp32_pixels.tflite"])
def test_mediapipe_and_an_old_tflite_agree_on_fifty_photographs(
    exported: Path, tmp_path: Path, model: str
) -> None:
    old, mediapipe = bundle(exported, "android", models=[model], check=True, out=tmp_path / "out")["checks"]
    assert (old["client"], old["images"]) == ("tflite-runtime 2.14.0", 50)
    assert old["agreed"] >= (0.95 if "uint8" in model else 1.0)
    assert (mediapipe["client"], mediapipe["best"], mediapipe["agreed"]) == ("mediapipe 1.2.2", 5, 1.0)
    assert mediapipe["max_difference"] < 1e-5
    assert "its own resize" in mediapipe["note"]
