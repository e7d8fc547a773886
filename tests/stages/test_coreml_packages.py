"""The Core ML packages of the network that ships."""

import json
import re
import sys
from collections import Counter

import pytest

import ca_deploy
from ca_deploy.artifact import sha256_artifact
from ca_deploy.bundling import bundle

pytest.importorskip("coremltools", reason="Core ML needs the extra ca-deploy[coreml]")

pytestmark = pytest.mark.slow

PACKAGES = ["model_fp16.mlpackage", "model_int8_weights.mlpackage", "model_int8.mlpackage"]


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    out = tmp_path_factory.mktemp("coreml") / "out"
    return ca_deploy.export("ca_mobilenetv2_cifar10", formats=["coreml"], out=out)


@pytest.fixture(scope="module")
def entries(exported):
    manifest = json.loads((exported.folder / "manifest.json").read_text())
    return {entry["file"]: entry for entry in manifest["artifacts"]}


def test_three_packages_hold_their_tolerances(exported, entries):
    assert exported.passed
    assert list(entries) == PACKAGES
    measured = [entries[name]["parity"]["sqnr_db"] for name in PACKAGES]
    assert measured[0] > 50 > measured[1] > 40 > measured[2] > 27.3


def test_the_manifest_says_what_they_were_verified_with(entries):
    expected = "Core ML" if sys.platform == "darwin" else "ML program interpreter"
    assert all(entry["verified_with"].startswith(expected) for entry in entries.values())
    assert all(entry["latency"] == [] for entry in entries.values())


def test_a_package_has_the_hash_of_its_listing(exported, entries):
    for name, entry in entries.items():
        assert sha256_artifact(exported.folder / name) == entry["sha256"]
        assert entry["bytes"] > 1_000_000


def test_no_transpose_no_tile_and_h_swish_in_two_operators(exported):
    from ca_deploy.runtimes.mlprogram import MLProgram

    found = Counter(MLProgram(exported.folder / "model_fp16.mlpackage").operators)
    assert not found.keys() & {"transpose", "tile", "expand_dims", "concat", "split", "slice_by_index"}
    attentions = 16
    assert found["sigmoid_hard"] == 2 * attentions
    assert found["mul"] == 4 * attentions
    assert found["relu6"] == 35


def test_the_swift_of_a_bundle_calls_the_package_s_features_by_their_names(exported, tmp_path):
    from ca_deploy.runtimes.coreml_tools import ct

    bundle(exported.folder, "ios", out=tmp_path / "bundle")
    swift = (tmp_path / "bundle/Classifier.swift").read_text()
    described = ct.utils.load_spec(str(tmp_path / "bundle/model_fp16.mlpackage")).description
    (image,) = described.input
    outputs = {one.name for one in described.output}
    assert re.findall(r'dictionary: \["(.+?)"', swift) == [image.name]
    assert set(re.findall(r'featureValue\(for: "(.+?)"', swift)) == {described.predictedProbabilitiesName}
    assert described.predictedProbabilitiesName in outputs
    size = image.type.imageType
    assert (f"width = {size.width}" in swift, f"height = {size.height}" in swift) == (True, True)


def test_int8_multiplies_integers_only(exported):
    from ca_deploy.runtimes.mlprogram import MLProgram

    operations = MLProgram(exported.folder / "model_int8.mlpackage")._operations
    layers = [one for one in operations if one.op_type in ("conv", "linear")]
    assert {one.weight.op.op_type for one in layers} == {"constexpr_affine_dequantize"}
    assert {one.x.op.op_type for one in layers} <= {"dequantize", "cast"}


def test_target_ios_leaves_what_its_apps_take(tmp_path):
    result = ca_deploy.export(
        "ca_mobilenetv2_cifar10", targets=["ios"], precision=["int8"], optimize="fast", out=tmp_path / "out"
    )
    assert [one.artifact.name for one in result.exported] == [
        "model_int8.tflite",
        "model_uint8.tflite",
        "model_int8_weights.mlpackage",
        "model_int8.mlpackage",
    ]
