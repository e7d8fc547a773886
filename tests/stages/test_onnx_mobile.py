"""The files for ONNX Runtime's mobile packages, of the network that ships."""

from pathlib import Path

import pytest

import ca_deploy
from ca_deploy.runtimes import open_runtime

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    out = tmp_path_factory.mktemp("mobile") / "out"
    return ca_deploy.export(
        "ca_mobilenetv2_cifar10", formats=["ort", "tflite"], precision=["fp32", "int8"], out=out
    )


def test_these_files_and_no_others_are_written(exported):
    names = {one.artifact.name for one in exported.exported if one.artifact.format != "tflite"}
    assert names == {"model_fp32.ort", "model_int8.onnx", "model_int8.ort"}
    assert exported.passed


def parities_of(exported):
    return {one.artifact.name: one.verdict.parity for one in exported.exported}


def test_float32_is_float32(exported):
    assert parities_of(exported)["model_fp32.ort"].relative < 1e-5


def test_int8_is_as_close_as_in_tflite(exported):
    parities = parities_of(exported)
    for name in ("model_int8.onnx", "model_int8.ort"):
        assert parities[name].sqnr_db > parities["model_int8.tflite"].sqnr_db - 0.3


def nnapi_partitions(path: Path) -> tuple[int, int]:
    """Partitions and unsupported nodes by ONNX Runtime's own checker."""
    from onnxruntime.tools.mobile_helpers import usability_checker as checker

    model = checker.ModelProtoWithShapeInfo(path).model_with_shape_info
    found = checker.check_nnapi_partitions(model, require_fixed_input_sizes=True)
    return found.num_partitions, found.num_nodes - found.num_supported_nodes


def test_nnapi_takes_int8_in_one_partition(exported):
    assert nnapi_partitions(exported.folder / "model_int8.onnx") == (1, 0)


def test_the_reloaded_file_runs_alike(exported):
    onnx, ort = (open_runtime(exported.folder / f"model_int8.{suffix}") for suffix in ("onnx", "ort"))
    images = exported.images.parity.first(4)
    assert (onnx.run(images)[0] == ort.run(images)[0]).all()
