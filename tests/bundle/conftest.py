"""An exported folder with small classifiers, put together by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ca_deploy.artifact import sha256_file
from ca_deploy.published import _NEEDED
from ca_deploy.quantization.app_interface import with_app_interface
from ca_deploy.quantization.ranges import Range
from ca_deploy.quantization.static import quantize_static
from ca_deploy.quantization.tflite_model import TFLiteModel
from ca_deploy.recipe import InputSpec, Recipe
from ca_deploy.runtimes import Quantization
from ca_deploy.verify.tflite_graph import TFLiteGraph

LABELS = ("red", "green", "blue")
SPEC = InputSpec(size=(8, 8), resize=10)


def colour(dtype: str) -> bytes:
    """(1,8,8,3) to (1,3): the mean of each channel."""
    graph = TFLiteGraph()
    quantization = None if dtype == "float32" else Quantization((0.02,), (-5,))
    image = graph.tensor((1, 8, 8, 3), dtype, quantization=quantization)
    axes = graph.tensor((2,), "int32", value=np.array([1, 2]))
    means = graph.tensor((1, 3), dtype, quantization=quantization)
    graph.node("MEAN", [image, axes], [means], "Reducer", keepDims=False)
    return graph.to_bytes([image], [means])


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    """Three files that take normalised images, two that take pixels, and one that was rejected."""
    folder = tmp_path / "colours"
    (folder / "rejected").mkdir(parents=True)
    int8, float32 = colour("int8"), colour("float32")
    ranges = dict.fromkeys(
        (*TFLiteModel(float32).inputs, *TFLiteModel(float32).outputs), Range(-3.2767, 3.2767)
    )
    int16 = quantize_static(float32, ranges, activations="int16")
    contents = {
        "model_int8.tflite": (int8, "normalised"),
        "model_fp32.tflite": (float32, "normalised"),
        "model_fp32_pixels.tflite": (with_app_interface(float32, SPEC.mean, SPEC.std, "float32"), "pixels"),
        "model_uint8.tflite": (with_app_interface(int8, SPEC.mean, SPEC.std), "pixels"),
        "model_int16x8.tflite": (int16, "normalised"),
        "rejected/model_fp16.tflite": (float32, "normalised"),
        "model.onnx": (b"", "normalised"),
    }
    for name, (content, _) in contents.items():
        (folder / name).write_bytes(content)
    recipe = Recipe(name="colours", description="Which colour", labels=LABELS, license="MIT", input=SPEC)
    parity = {"images": 9, "sqnr_db": 30.5, "agreement": 0.985}
    manifest = dict.fromkeys(_NEEDED) | {
        "producer": "ca-deploy",
        "versions": {"ca-deploy": "0.1.0"},
        "recipe": {**recipe.model_dump(mode="json"), "sha256": recipe.sha256()},
        "network": {},
        "calibration": {"count": 0, "sha256": []},
        "artifacts": [
            {
                "file": name,
                "interface": interface,
                "status": "failed" if name.startswith("rejected") else "passed",
                "failures": [],
                "min_runtime": "1.14.0",
                "sha256": sha256_file(folder / name),
                "parity": parity,
                "latency": [],
            }
            for name, (_, interface) in contents.items()
        ],
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder
