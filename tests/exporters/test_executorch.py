"""ExecuTorch's files: XNNPACK takes coordinate attention whole, float32 and int8, and its runtime agrees."""

import os
import sysconfig
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import ca_deploy
from ca_deploy.errors import UserError
from ca_deploy.metrics import sqnr_db
from ca_deploy.networks.attention import CoordinateAttention
from ca_deploy.passes import CANONICAL, capture, run_passes
from ca_deploy.passes.formulations.executorch import EXECUTORCH
from ca_deploy.progress import Silent
from ca_deploy.quantization.calibration import Calibration
from ca_deploy.quantization.calibration_set import ImageSet
from ca_deploy.quantization.graph.decomposed import with_integers
from ca_deploy.quantization.graph.parameters import Scheme
from ca_deploy.quantization.graph.quantize import quantize_graph
from ca_deploy.verify.environments import call, environment_python

CHECKOUT = Path(__file__).parents[2]
EXTRA = "needs the extra ca-deploy[executorch]; make test-devices runs it in an environment of its own"
IMAGES = torch.randn((16, 3, 12, 10), generator=torch.Generator().manual_seed(0))


class Network(nn.Module):
    """A convolution, coordinate attention and a classifier."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.attention, self.classifier = (
            nn.Conv2d(3, 32, 3, padding=1),
            CoordinateAttention(32),
            nn.Linear(32, 5),
        )

    def forward(self, x):
        return self.classifier(self.attention(F.relu6(self.first(x))).mean((2, 3)))


@pytest.mark.devices  # fetches executorch on first use
def test_what_needs_executorch_passes_where_it_is_installed(monkeypatch):
    """Its environment reads our packages, too: another PyTorch would take 200 MB or more."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(CHECKOUT), sysconfig.get_path("purelib")]))
    pytorch = version("torch").partition("+")[0]
    try:
        python = environment_python("executorch", ("executorch==1.5.1", f"torch=={pytorch}"))
    except UserError as error:
        pytest.skip(str(error))
    done = call(str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "slow", __file__)
    assert "3 passed" in done.stdout, done.stdout + done.stderr


@pytest.fixture(scope="module")
def canonical():
    return run_passes(capture(Network().eval(), IMAGES[:1]), CANONICAL, [IMAGES[:1]]).graph


@pytest.fixture(scope="module")
def formed(canonical):
    return {name: run_passes(canonical, passes, [IMAGES[:1]]).graph for name, passes in EXECUTORCH.items()}


@pytest.fixture(scope="module")
def integers(formed):
    images = ImageSet(tuple(map(str, range(16))), tuple(IMAGES.numpy()), spec=None)
    quantized = quantize_graph(formed["int8"], Calibration(images), Scheme("int8"), "fast", Silent())
    return with_integers(quantized)


def outputs(graph):
    with torch.no_grad():
        return np.concatenate([graph(image[None]).numpy() for image in IMAGES])


def test_the_spelled_out_graph_holds_integers_and_computes_nearly_the_same(formed, integers):
    convolutions = integers.graph.find_nodes(op="call_function", target=torch.ops.aten.conv2d.default)
    read = {node.args[1].target._opname for node in convolutions}
    assert read == {"dequantize_per_channel"}
    assert all(b.dim() == 1 for _, b in integers.named_buffers() if b.dtype == torch.float32)
    assert sqnr_db(outputs(formed["int8"]), outputs(integers)) > 25


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_xnnpack_takes_the_network_whole(precision, formed, integers, tmp_path):
    pytest.importorskip("executorch", reason=EXTRA)
    from ca_deploy.exporters.executorch import to_pte
    from ca_deploy.runtimes.executorch import ExecuTorch

    graph = formed["fp32"] if precision == "fp32" else integers
    lowered = to_pte(graph, IMAGES[:1])
    assert (lowered.subgraphs, lowered.outside) == (1, ())
    (tmp_path / "model.pte").write_bytes(lowered.data)
    runtime = ExecuTorch(tmp_path / "model.pte")
    assert runtime.inputs[0].shape == (1, 3, 12, 10)
    assert sqnr_db(outputs(graph), runtime.run(IMAGES.numpy())[0]) > (100 if precision == "fp32" else 25)


@pytest.mark.slow
def test_int8_of_the_network_that_ships_is_as_close_as_in_tflite(tmp_path):
    pytest.importorskip("executorch", reason=EXTRA)
    result = ca_deploy.export(
        "ca_mobilenetv2_cifar10", formats=["executorch", "tflite"], precision=["int8"], out=tmp_path / "out"
    )
    parities = {one.artifact.name: one.verdict.parity for one in result.exported}
    assert parities["model_int8.pte"].sqnr_db > parities["model_int8.tflite"].sqnr_db - 0.5
