from __future__ import annotations

from collections import Counter

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ca_deploy.errors import UserError
from ca_deploy.exporters.onnx import OPSET, to_onnx, value_name
from ca_deploy.networks import Architecture, untrained_network
from ca_deploy.passes import CANONICAL, capture, run_passes

TOLERANCE = 1e-4


class Call(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x: Tensor):
        return self.function(x)


def example(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0)) * 3


def exported(module: nn.Module, inputs: Tensor) -> onnx.ModelProto:
    graph = run_passes(capture(module, inputs), CANONICAL, [inputs]).graph
    return to_onnx(graph, inputs)


def run(model: onnx.ModelProto, inputs: Tensor) -> list[np.ndarray]:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"input": inputs.numpy()})


def operators(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


def assert_agrees(module: nn.Module, inputs: Tensor) -> onnx.ModelProto:
    model = exported(module, inputs)
    with torch.no_grad():
        results = module.eval()(inputs)
    expected = [results] if isinstance(results, Tensor) else results
    for actual, reference in zip(run(model, inputs), expected, strict=True):
        scale = float(reference.abs().max())
        assert np.abs(actual - reference.numpy()).max() <= TOLERANCE * scale
    return model


OPERATORS = {
    "abs": (torch.abs, "Abs"),
    "add": (lambda x: x + x.mean(1, True), "Add"),
    "add a number": (lambda x: x + 2, "Add"),
    "average pool": (lambda x: F.avg_pool2d(x, 3, stride=2, padding=1), "AveragePool"),
    "average pool without padding": (
        lambda x: F.avg_pool2d(x, (3, 2), padding=1, count_include_pad=False),
        "AveragePool",
    ),
    "bilinear": (lambda x: F.interpolate(x, scale_factor=2, mode="bilinear"), "Resize"),
    "bilinear, corners": (
        lambda x: F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True),
        "Resize",
    ),
    "chunk": (lambda x: x.chunk(2, 3)[1], "Split"),
    "concatenation": (lambda x: torch.cat([x, x.relu()], -1), "Concat"),
    "division": (lambda x: x / (1 + x.abs()), "Div"),
    "exponential": (lambda x: (-x.abs()).exp(), "Exp"),
    "expand": (lambda x: torch.cat([x.mean(1, True).expand_as(x), x]), "Expand"),
    "ceiled maximum pool": (lambda x: F.max_pool2d(x, 3, stride=2, ceil_mode=True), "MaxPool"),
    "gelu": (F.gelu, "Gelu"),
    "gelu by tanh": (lambda x: F.gelu(x, approximate="tanh"), "Gelu"),
    "h_sigmoid": (F.hardsigmoid, "HardSigmoid"),
    "h_swish": (lambda x: x * F.relu6(x + 3) / 6, "HardSwish"),
    "layer norm": (nn.LayerNorm(8), "LayerNormalization"),
    "leaky relu": (lambda x: F.leaky_relu(x, 0.1), "LeakyRelu"),
    "linear": (nn.Linear(8, 5), "Gemm"),
    "linear without bias": (nn.Linear(8, 5, bias=False), "MatMul"),
    "logarithm": (lambda x: (x.abs() + 1).log(), "Log"),
    "matrix product": (lambda x: x @ x.transpose(2, 3), "MatMul"),
    "maximum": (lambda x: torch.maximum(x, -x), "Max"),
    "maximum pool": (lambda x: F.max_pool2d(x, 3, stride=2, padding=1), "MaxPool"),
    "minimum": (lambda x: torch.minimum(x, x.mean(1, True)), "Min"),
    "minimum of an axis": (lambda x: x.amin((2, 3)), "ReduceMin"),
    "nearest": (lambda x: F.interpolate(x, scale_factor=2), "Resize"),
    "pad": (lambda x: F.pad(x, (1, 2, 3, 0), value=2.0), "Pad"),
    "pad by reflection": (lambda x: F.pad(x, (1, 2, 3, 0), mode="reflect"), "Pad"),
    "permutation": (lambda x: x.permute(0, 2, 3, 1), "Transpose"),
    "power": (lambda x: x**2, "Pow"),
    "relu": (torch.relu, "Relu"),
    "relu6": (F.relu6, "Clip"),
    "one bound": (lambda x: x.clamp(min=-1), "Clip"),
    "other bound": (lambda x: x.clamp(max=1), "Clip"),
    "same padding": (nn.Conv2d(4, 6, (2, 3), padding="same", dilation=2), "Conv"),
    "grouped": (nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2, dilation=2, bias=False), "Conv"),
    "three dimensions": (Call(lambda x: x.unsqueeze(2)), "Reshape"),
    "transposed": (nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1), "ConvTranspose"),
    "lone batch norm": (nn.Sequential(nn.BatchNorm2d(4), nn.ReLU()), "BatchNormalization"),
    "silu": (F.silu, "Sigmoid"),
    "slice": (lambda x: x[:, :, 1:-1:2], "Slice"),
    "softmax": (lambda x: x.softmax(1), "Softmax"),
    "split": (lambda x: x.split([1, 3], 1)[0], "Split"),
    "square root": (lambda x: x.abs().sqrt(), "Sqrt"),
    "subtraction": (lambda x: x - x.mean(1, True), "Sub"),
    "sum": (lambda x: x.sum((2, 3), keepdim=True), "ReduceSum"),
    "tanh": (torch.tanh, "Tanh"),
    "transposition": (lambda x: x.transpose(1, -1), "Transpose"),
}


def module_of(function) -> nn.Module:
    return function if isinstance(function, nn.Module) else Call(function)


@pytest.mark.parametrize("name", OPERATORS)
def test_operators_agree_with_pytorch(name):
    function, operator = OPERATORS[name]
    model = assert_agrees(module_of(function), example(1, 4, 6, 8))
    assert operator in operators(model)


def test_linear_layers_on_rows_are_gemm():
    assert operators(assert_agrees(nn.Linear(8, 5), example(1, 8))) == ["Gemm"]


def test_operators_of_other_dimensions_agree():
    assert_agrees(nn.Conv1d(4, 6, 3, padding=1), example(1, 4, 9))
    assert_agrees(nn.Conv3d(2, 3, 2), example(1, 2, 4, 4, 4))
    assert_agrees(nn.ConvTranspose1d(4, 6, 3), example(1, 4, 9))


BY_TORCH = {
    "group norm": nn.GroupNorm(2, 4),
    "ceiled average": lambda x: F.avg_pool2d(x, 3, stride=2, ceil_mode=True),
    "ceiled pool that drops a window": lambda x: F.max_pool2d(x, 2, stride=3, padding=1, ceil_mode=True),
    "scaled addition": lambda x: torch.add(x, x, alpha=0.5),
    "fractional size": lambda x: F.interpolate(x, size=(9, 10), mode="bilinear"),
    "integers": lambda x: x + torch.arange(8),
}


@pytest.mark.parametrize("name", BY_TORCH)
def test_what_is_not_listed_goes_through_torch(name):
    model = assert_agrees(nn.Sequential(nn.Conv2d(4, 4, 1), module_of(BY_TORCH[name])), example(1, 4, 6, 8))
    assert {entry.value for node in model.graph.node for entry in node.metadata_props} == {"0", "1"}
    assert_nothing_leaks(model)


def test_what_nobody_can_write_is_an_error_of_one_line():
    with pytest.raises(UserError) as caught:
        exported(nn.Sequential(nn.ReLU(), Call(lambda x: torch.linalg.eigvals(x).real)), example(1, 1, 4, 4))
    message = str(caught.value)
    assert message.startswith("the network cannot be written as ONNX")
    assert "No ONNX function found for <OpOverload(op='aten.linalg_eig'" in message
    assert "1 (aten.linalg_eigvals.default)" in message
    assert "\n" not in message


def assert_nothing_leaks(model: onnx.ModelProto) -> None:
    text = onnx.printer.to_text(model)
    assert "torch" not in text
    assert ".py" not in text
    assert model.producer_name == "ca-deploy"
    assert not model.metadata_props
    assert not any(node.doc_string for node in model.graph.node)


@pytest.fixture(scope="module")
def coordinate_attention():
    """A network, an image, its canonical graph and the graph's model."""
    images = example(4, 3, 64, 64)
    network, image = untrained_network(Architecture("ca", 0.35, 10), images, seed=0), images[:1]
    graph = run_passes(capture(network, image), CANONICAL, [image]).graph
    return network, image, graph, to_onnx(graph, image)


def test_coordinate_attention_has_nothing_but_what_it_needs(coordinate_attention):
    *_, model = coordinate_attention
    assert Counter(operators(model)) == {
        "Conv": 100,
        "Clip": 35,
        "ReduceMean": 33,
        "Reshape": 33,
        "Sigmoid": 32,
        "Mul": 32,
        "Concat": 16,
        "HardSwish": 16,
        "Split": 16,
        "Add": 10,
        "Gemm": 1,
    }
    assert_nothing_leaks(model)


def test_coordinate_attention_agrees_with_pytorch(coordinate_attention):
    network, image, _, model = coordinate_attention
    with torch.no_grad():
        expected = network(image).numpy()
    (actual,) = run(model, image)
    assert np.abs(actual - expected).max() <= TOLERANCE * np.abs(expected).max()


def test_input_and_output_are_named_and_static(coordinate_attention):
    *_, model = coordinate_attention
    (given,), (result,) = model.graph.input, model.graph.output
    assert (given.name, result.name) == ("input", "logits")
    assert [dim.dim_value for dim in given.type.tensor_type.shape.dim] == [1, 3, 64, 64]
    assert [dim.dim_value for dim in result.type.tensor_type.shape.dim] == [1, 10]
    (opset,) = model.opset_import
    assert (opset.domain, opset.version) == ("", OPSET)


def test_nodes_know_their_module_and_values_the_graph(coordinate_attention):
    *_, model = coordinate_attention
    places = {node.output[0]: node.metadata_props[0].value for node in model.graph.node}
    assert places["hardswish"] == "features.2.conv.6"
    assert places["logits"] == "classifier.1"
    assert {"conv2d", "conv2d_99", "hardtanh_34", "mean_32"} <= places.keys()


def test_the_same_graph_gives_the_same_bytes(coordinate_attention):
    _, image, graph, model = coordinate_attention
    assert to_onnx(graph, image).SerializeToString() == model.SerializeToString()


def test_through_torch_the_same_graph_gives_the_same_bytes():
    module, inputs = nn.Sequential(nn.Conv2d(4, 4, 1), nn.GroupNorm(2, 4)), example(1, 4, 6, 8)
    assert exported(module, inputs).SerializeToString() == exported(module, inputs).SerializeToString()


def test_parameters_may_be_called_like_values():
    class Unlucky(nn.Module):
        def __init__(self):
            super().__init__()
            for name in ("input", "logits", "add", "mul"):
                self.register_parameter(name, nn.Parameter(torch.rand(4)))

        def forward(self, x: Tensor) -> Tensor:
            return (x + self.input) * self.logits + self.add * self.mul

    model = assert_agrees(Unlucky(), example(1, 4))
    assert all(initializer.name.startswith("self.") for initializer in model.graph.initializer)


def test_several_outputs_are_numbered():
    model = assert_agrees(Call(lambda x: (x + 1, x, x + 1)), example(1, 4))
    assert [output.name for output in model.graph.output] == ["output_0", "output_1", "output_2"]


def test_exporting_is_quiet(capfd):
    exported(nn.Sequential(nn.Conv2d(4, 4, 1), nn.GroupNorm(2, 4)), example(1, 4, 6, 8))
    out, err = capfd.readouterr()
    assert out == ""
    assert err == ""


def test_values_are_called_as_in_the_model():
    class Twice(nn.Module):
        def forward(self, x):
            return x.exp().tanh()

    image = torch.zeros(1, 3, 4, 4)
    graph = capture(Twice().eval(), image)
    model = to_onnx(graph, image)
    calls = [node for node in graph.graph.nodes if node.op == "call_function"]
    assert [value_name(graph, node) for node in calls] == [node.output[0] for node in model.graph.node]
    assert value_name(graph, calls[-1]) == "logits"
