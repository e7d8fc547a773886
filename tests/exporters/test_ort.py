"""ONNX Runtime's own format, and what its checker says of the graph in it."""

import subprocess
import sys

import pytest
import torch
from onnxruntime.tools.mobile_helpers import usability_checker as checker
from onnxruntime.tools.ort_format_model.ort_flatbuffers_py.fbs.InferenceSession import InferenceSession

from ca_deploy.exporters.onnx import to_onnx
from ca_deploy.exporters.ort import to_ort
from ca_deploy.networks import Architecture, untrained_network
from ca_deploy.passes import CANONICAL, capture, run_passes
from ca_deploy.passes.formulations.onnx_runtime import ONNX_RUNTIME
from ca_deploy.runtimes.onnx_runtime import OnnxRuntime

IMAGES = torch.randn((2, 3, 64, 64), generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def model():
    network = untrained_network(Architecture("ca", 0.25, 10), IMAGES, seed=0)
    graph = run_passes(capture(network, IMAGES[:1]), (*CANONICAL, *ONNX_RUNTIME), [IMAGES[:1]]).graph
    return to_onnx(graph, IMAGES[:1])


@pytest.mark.parametrize("standard", [True, False])
def test_the_file_computes_the_same(model, standard):
    expected = OnnxRuntime(model.SerializeToString()).run(IMAGES.numpy())[0]
    reloaded = OnnxRuntime(to_ort(model, standard_operators=standard)).run(IMAGES.numpy())[0]
    assert abs(reloaded - expected).max() <= 1e-4 * abs(expected).max()


def test_every_process_writes_the_same_bytes(model, tmp_path):
    path, other = tmp_path / "model.onnx", tmp_path / "other.ort"
    path.write_bytes(model.SerializeToString())
    script = (
        "import onnx, pathlib, sys; from ca_deploy.exporters.ort import to_ort;"
        "pathlib.Path(sys.argv[2]).write_bytes(to_ort(onnx.load(sys.argv[1])))"
    )
    subprocess.run([sys.executable, "-c", script, str(path), str(other)], check=True)
    assert other.read_bytes() == to_ort(model)


def test_types_are_listed_in_the_order_of_operators(model):
    session = InferenceSession.GetRootAs(to_ort(model), 0)
    types = session.KernelTypeStrResolver()
    named = [types.OpKernelTypeStrArgs(i).OpId() for i in range(types.OpKernelTypeStrArgsLength())]
    assert len(named) > 5
    assert named == sorted(named)


def test_nnapi_and_core_ml_take_the_whole_graph_in_one_partition(model, tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(model.SerializeToString())
    shaped = checker.ModelProtoWithShapeInfo(path).model_with_shape_info
    for found in (
        checker.check_nnapi_partitions(shaped, True),
        checker.check_coreml_partitions(shaped, True, "coreml_supported_mlprogram_ops.md"),
        checker.check_coreml_partitions(shaped, True, "coreml_supported_neuralnetwork_ops.md"),
    ):
        assert (found.num_partitions, found.num_supported_nodes) == (1, found.num_nodes)
