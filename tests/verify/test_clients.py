"""What clients make of our files: MediaPipe and the last TFLite, each in an environment of its own."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

import ca_deploy
from ca_deploy.artifact import Artifact
from ca_deploy.bundling import bundle
from ca_deploy.quantization.calibration_set import ImageSet
from ca_deploy.quantization.tflite_model import TFLiteModel
from ca_deploy.recipe import IMAGENET_MEAN, IMAGENET_STD
from ca_deploy.stages.clients import _checked
from ca_deploy.verify.clients import _same_best, same_best_on_old
from ca_deploy.verify.mediapipe_runtime import Category, mediapipe_python
from ca_deploy.verify.xnnpack.probes import one_operator

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


@pytest.mark.parametrize(
    ("precision", "least"),
    [("fp32", 0.98), ("fp16", 0.98), ("int16x8", 0.98), ("weight_int8", 0.98), ("int8", 0.9)],
)
def test_only_int8_kernels_of_old_may_flip_near_classes(precision: str, least: float) -> None:
    assert same_best_on_old(precision) == least


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("clients") / "out"
    return ca_deploy.export(
        "ca_mobilenetv2_cifar10", out=out, precision=["fp32", "int8"], check_clients=True
    ).folder


@pytest.mark.devices
def test_an_export_reports_what_clients_made_of_each_file(exported: Path) -> None:
    report = json.loads((exported / "report.json").read_text())
    clients = {one["file"]: [check["client"] for check in one["clients"]] for one in report["artifacts"]}
    old, both = ["tflite-runtime 2.14.0"], ["tflite-runtime 2.14.0", "mediapipe 1.2.2"]
    assert clients == {
        "model.onnx": [],
        "model_fp32.tflite": old,
        "model_fp32_pixels.tflite": both,
        "model_int8.tflite": old,
        "model_uint8.tflite": both,
    }


@pytest.mark.devices
def test_mediapipe_s_own_schema_reads_the_metadata(exported: Path, tmp_path: Path) -> None:
    content = TFLiteModel((exported / "model_int8.tflite").read_bytes()).metadata("TFLITE_METADATA")
    (tmp_path / "metadata").write_bytes(content)
    script = """
import json, sys
from mediapipe.tasks.metadata import metadata_schema_py_generated as schema
model = schema.ModelMetadataT.InitFromPackedBuf(open(sys.argv[1], "rb").read(), 0)
(graph,) = model.subgraphMetadata
(image,), (logits,) = graph.inputTensorMetadata, graph.outputTensorMetadata
(unit,), (labels,) = image.processUnits, logits.associatedFiles
texts = [model.name, model.version, model.author, model.license, model.minParserVersion]
texts += [logits.name, labels.name]
numbers = [list(unit.options.mean), list(unit.options.std), list(image.stats.max)]
print(json.dumps([[one.decode() for one in texts], [[float(n) for n in one] for one in numbers]]))
"""
    done = subprocess.run(
        [mediapipe_python(), "-c", script, tmp_path / "metadata"], capture_output=True, text=True, check=True
    )
    texts, (mean, std, highest) = json.loads(done.stdout)
    assert texts == [
        "ca_mobilenetv2_cifar10",
        "1.0",
        "ca-deploy",
        "Apache-2.0",
        "1.0.0",
        "logits",
        "labels.txt",
    ]
    assert mean == pytest.approx([255 * value for value in IMAGENET_MEAN])
    assert std == pytest.approx([255 * value for value in IMAGENET_STD])
    assert highest == pytest.approx([(1 - m) / s for m, s in zip(IMAGENET_MEAN, IMAGENET_STD, strict=True)])


@pytest.mark.devices  # makes an environment with pip on first use
def test_a_file_that_an_old_tflite_does_not_load_fails(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(one_operator("LOG")("int8"))
    images = ImageSet(("a",), (np.ones((16, 8, 8), np.float32),), spec=None)
    checks, faults = _checked(Artifact(path, "tflite", "int8", "android", ()), images)
    assert checks == ()
    assert faults[0].startswith("model.tflite does not run on tflite-runtime 2.14.0")


@pytest.mark.devices  # makes two environments with pip on first use, mediapipe among them
@pytest.mark.parametrize("model", ["model_uint8.tflite", "model_fp32_pixels.tflite"])
def test_mediapipe_and_an_old_tflite_agree_on_fifty_photographs(
    exported: Path, tmp_path: Path, model: str
) -> None:
    old, mediapipe = bundle(exported, "android", models=[model], check=True, out=tmp_path / "out")["checks"]
    assert (old["client"], old["images"]) == ("tflite-runtime 2.14.0", 50)
    assert old["wanted"] == (0.90 if "uint8" in model else 0.98)
    assert old["agreed"] >= (0.90 if "uint8" in model else 1.0)
    assert (mediapipe["client"], mediapipe["best"], mediapipe["agreed"]) == ("mediapipe 1.2.2", 5, 1.0)
    assert mediapipe["max_difference"] < 1e-5
    assert "its own resize" in mediapipe["note"]
