"""ML programs of coordinate attention and small modules: their operators, and what they compute."""

from collections import Counter

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ca_deploy.artifact import sha256_artifact, size_of
from ca_deploy.errors import UserError
from ca_deploy.metrics import sqnr_db
from ca_deploy.networks.attention import CoordinateAttention
from ca_deploy.passes import CANONICAL, capture, run_passes
from ca_deploy.passes.formulations.move_reshapes import MoveReshapes
from ca_deploy.passes.formulations.split_concatenations import SplitConcatenations
from ca_deploy.quantization.parameters import asymmetric

pytest.importorskip("coremltools", reason="Core ML needs the extra ca-deploy[coreml]")
# Importing these brings coremltools, which the line above may have found missing.
from ca_deploy.exporters.coreml.package import Description, write_package
from ca_deploy.exporters.coreml.program import mil_program
from ca_deploy.runtimes.mlprogram import MLProgram

pytestmark = pytest.mark.slow

PIXELS = np.random.default_rng(0).integers(0, 256, (3, 3, 12, 10)).astype(np.float32)
MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
LABELS = ("cat", "dog", "fish", "bird")


class Network(nn.Module):
    """A convolution, what is to be tested on 32 channels, and a classifier."""

    def __init__(self, middle):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.classifier = nn.Conv2d(3, 32, 3, padding=1), nn.Linear(32, len(LABELS))
        self.middle = middle

    def forward(self, x):
        return self.classifier(self.middle(F.relu6(self.first(x))).mean((2, 3)))


class Function(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def formed(middle):
    example = torch.randn((1, *PIXELS.shape[1:]), generator=torch.Generator().manual_seed(0))
    network = Network(middle).eval()
    passes = (*CANONICAL, SplitConcatenations(), MoveReshapes())
    return network, run_passes(capture(network, example), passes, [example]).graph


def package(path, graph, labels=LABELS, int8_weights_above=None, stored=None, exact=()):
    description = Description("A test.", "weights 1", "Nobody", "Apache-2.0", labels, {"key": "value"})
    write_package(path, mil_program(graph, MEAN, STD, stored, exact), description, int8_weights_above)
    return MLProgram(path)


def expected(network):
    mean, std = (torch.tensor(values).reshape(1, 3, 1, 1) for values in (MEAN, STD))
    with torch.no_grad():
        return network((torch.from_numpy(PIXELS) / 255 - mean) / std).numpy()


@pytest.fixture(scope="module")
def attention():
    torch.manual_seed(1)
    return formed(CoordinateAttention(32))


@pytest.fixture(scope="module")
def exported(attention, tmp_path_factory):
    path = tmp_path_factory.mktemp("coreml") / "model.mlpackage"
    return package(path, attention[1]), path


def test_coordinate_attention_has_nothing_but_what_it_needs(exported):
    found = Counter(exported[0].operators)
    assert found == {
        "batch_norm": 1,  # the normalisation of pixels
        "conv": 1 + 4,
        "relu6": 1,
        "reduce_mean": 2 + 1,
        "sigmoid_hard": 2,
        "sigmoid": 2,
        "mul": 2 + 2,  # of the h_swishes, and of the gates
        "reshape": 1,
        "linear": 1,
        "softmax": 1,
        "classify": 1,
        "cast": 3,  # of the image, the logits and the scores
    }


def test_the_file_read_back_gives_the_networks_logits(attention, exported):
    assert sqnr_db(expected(attention[0]), exported[0].run(PIXELS)[0]) > 45


def test_it_is_a_classifier_of_images_that_says_what_it_is(exported):
    from ca_deploy.runtimes.coreml_tools import ct

    model = ct.models.MLModel(str(exported[1]), skip_model_load=True)
    described = model.get_spec().description
    (given,) = described.input
    assert (given.name, given.type.imageType.width, given.type.imageType.height) == ("image", 10, 12)
    assert {output.name for output in described.output} == {"classLabel", "classLabel_probs", "logits"}
    assert described.predictedFeatureName == "classLabel"
    assert (model.short_description, model.author, model.license) == ("A test.", "Nobody", "Apache-2.0")
    assert dict(model.user_defined_metadata) == {"key": "value"}


def test_equal_graphs_give_equal_packages(attention, exported, tmp_path):
    package(tmp_path / "model.mlpackage", attention[1])
    assert sha256_artifact(tmp_path / "model.mlpackage") == sha256_artifact(exported[1])


def test_without_labels_it_gives_scores(attention, tmp_path):
    found = package(tmp_path / "model.mlpackage", attention[1], labels=None)
    assert "classify" not in found.operators
    assert [output.name for output in found.outputs] == ["logits"]


def test_int8_weights_are_read_back(attention, exported, tmp_path):
    found = package(tmp_path / "model.mlpackage", attention[1], int8_weights_above=512)
    assert sqnr_db(expected(attention[0]), found.run(PIXELS)[0]) > 40
    assert size_of(tmp_path / "model.mlpackage") < size_of(exported[1])


def test_channels_without_weights_keep_their_biases_and_have_scales(tmp_path):
    network, graph = formed(nn.Identity())
    with torch.no_grad():
        graph.get_buffer("first.weight")[:3] = torch.tensor([0, 1e-12, 1e-7]).reshape(3, 1, 1, 1)
        graph.get_buffer("first.bias")[:3] = torch.tensor([4.0, 3.0, 2.0])
        network.first.weight.copy_(graph.get_buffer("first.weight"))
        network.first.bias.copy_(graph.get_buffer("first.bias"))
    found = package(tmp_path / "model.mlpackage", graph, int8_weights_above=0)
    (convolution,) = (one for one in found._operations if one.op_type == "conv")
    assert (convolution.weight.op.scale.val > 0).all()
    assert sqnr_db(expected(network), found.run(PIXELS)[0]) > 40


def test_stored_values_pass_integers(attention, tmp_path):
    network, graph = attention
    names = [node.name for node in graph.graph.nodes if node.target is torch.ops.aten.sigmoid.default]
    stored = {names[0]: asymmetric(-128 / 127, 1.0), names[1]: asymmetric(0.0, 1.0, "uint8")}
    found = package(tmp_path / "model.mlpackage", graph, stored=stored)
    types = {one.output_dtype.val for one in found._operations if one.op_type == "quantize"}
    assert types == {"int8", "uint8"}
    assert Counter(found.operators)["quantize"] == Counter(found.operators)["dequantize"] == 2
    assert sqnr_db(expected(network), found.run(PIXELS)[0]) > 30


def test_an_exact_read_passes_the_integers_by(tmp_path):
    _, graph = formed(Function(lambda x: (x + F.max_pool2d(x, 3, 1, 1)) * x.mean(2, keepdim=True) + x))
    first, _ = graph.graph.find_nodes(op="call_function", target=torch.ops.aten.add.Tensor)
    (product,) = graph.graph.find_nodes(op="call_function", target=torch.ops.aten.mul.Tensor)
    stored = {node.name: asymmetric(-12.0, 12.0) for node in (first, product)}
    found = package(tmp_path / "model.mlpackage", graph, stored=stored, exact={(first.name, product.name)})
    (multiplied,) = (one for one in found._operations if one.op_type == "mul")
    *_, last = (one for one in found._operations if one.op_type == "add")
    assert multiplied.x.op.op_type == "add"
    assert last.x.op.op_type == "dequantize"


@pytest.mark.parametrize(
    "function",
    [
        lambda x: F.hardswish(F.silu(x)) - torch.tanh(x) / 2,
        lambda x: F.max_pool2d(x, 3, 2, 1) + F.relu(F.avg_pool2d(x, 3, 2, 1)),
        lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False),
        lambda x: torch.cat(torch.split(x * x.amax((2, 3), keepdim=True), (12, 20), 1)[::-1], 1),
        lambda x: x.permute(0, 2, 3, 1).softmax(3).permute(0, 3, 1, 2).clamp(0.01, 0.05),
        lambda x: torch.exp(-x).sqrt() @ x.transpose(2, 3),
    ],
)
def test_operators_agree_with_pytorch(function, tmp_path):
    network, graph = formed(Function(function))
    assert sqnr_db(expected(network), package(tmp_path / "model.mlpackage", graph).run(PIXELS)[0]) > 40


def test_what_cannot_be_written_is_named_with_its_place():
    _, graph = formed(Function(torch.erf))
    with pytest.raises(UserError, match=r"aten\.erf\.default at middle cannot be written for Core ML"):
        mil_program(graph, MEAN, STD)


def test_a_folder_that_is_no_package_is_refused(tmp_path):
    with pytest.raises(UserError, match="cannot be read as a Core ML package"):
        MLProgram(tmp_path)
