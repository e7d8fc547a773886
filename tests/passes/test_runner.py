from __future__ import annotations

import pytest
import torch
from pass_support import capture, example, operators, randomized, tensors
from torch import Tensor, nn
from torch.fx import GraphModule

from ca_deploy.errors import VerificationError
from ca_deploy.passes import CANONICAL, Refusal, Rewritten, run_passes
from ca_deploy.passes.graph import add_call, finished
from ca_deploy.progress import Silent


class Rescaled:
    """A pass that is wrong by a factor."""

    name = "rescale"

    def __init__(self, factor: float):
        self.factor = factor

    def __call__(self, graph: GraphModule) -> Rewritten:
        (output,) = graph.graph.find_nodes(op="output")
        (result,) = output.args
        scaled = add_call(output, torch.ops.aten.mul.Tensor, result, self.factor, like=result)
        output.args = (scaled,)
        return Rewritten(finished(graph), 1, (Refusal("forward", "all else"),))


class Unchanging:
    """A pass that finds nothing, and must not be run on any input."""

    name = "nothing"

    def __call__(self, graph: GraphModule) -> Rewritten:
        return Rewritten(graph, 0)


class Counting(Silent):
    def __init__(self):
        self.seen = 0

    def track(self, items, total, unit):
        for item in items:
            self.seen += 1
            yield item


def network() -> nn.Module:
    layers = nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU6())
    return randomized(layers)


def test_a_wrong_pass_is_named():
    graph = capture(network(), example(1, 3, 8, 8))
    with pytest.raises(VerificationError, match=r"the pass 'rescale' moved the network's output by 1\.0e-08"):
        run_passes(graph, (*CANONICAL, Rescaled(1 + 1e-8)), [example(1, 3, 8, 8)])


def test_rounding_in_float64_is_no_error():
    graph = capture(network(), example(1, 3, 8, 8))
    result = run_passes(graph, (Rescaled(1 + 1e-11),), [example(1, 3, 8, 8)])
    (record,) = result.records
    assert (record.name, record.count) == ("rescale", 1)
    assert record.refusals == (Refusal("forward", "all else"),)
    assert 0 < record.error < 1e-10


def test_an_error_in_any_output_of_any_example_counts():
    class Two(nn.Module):
        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return x * 1000, x.relu()

    class WrongForNegatives:
        name = "wrong for negatives"

        def __call__(self, graph: GraphModule) -> Rewritten:
            for node in graph.graph.find_nodes(op="call_function", target=torch.ops.aten.relu.default):
                node.target = torch.ops.aten.abs.default
            return Rewritten(finished(graph), 1)

    positive, negative = torch.ones(1, 3), -1e-3 * torch.ones(1, 3)
    graph = capture(Two(), positive)
    assert run_passes(graph, (WrongForNegatives(),), [positive]).records[0].error == 0
    with pytest.raises(VerificationError, match="wrong for negatives"):
        run_passes(graph, (WrongForNegatives(),), [positive, negative])


def test_a_pass_that_gives_nan_is_wrong():
    graph = capture(network(), example(1, 3, 8, 8))
    with pytest.raises(VerificationError, match="rescale"):
        run_passes(graph, (Rescaled(float("nan")),), [example(1, 3, 8, 8)])


def test_the_result_is_float32_and_the_given_graph_stays():
    graph = capture(network(), example(1, 3, 8, 8))
    before = {name: tensor.clone() for name, tensor in graph.state_dict().items()}
    result = run_passes(graph, CANONICAL, [example(1, 3, 8, 8)])
    assert {tensor.dtype for tensor in result.graph.buffers()} == {torch.float32}
    assert operators(graph) == ["conv2d", "batch_norm", "hardtanh"]
    assert all(torch.equal(tensor, before[name]) for name, tensor in graph.state_dict().items())
    (expected,), (actual,) = (tensors(one(example(1, 3, 8, 8))) for one in (graph, result.graph))
    torch.testing.assert_close(actual, expected)


def test_calls_are_numbered_in_order():
    two = randomized(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 4, 1)))
    result = run_passes(capture(two, example(1, 3, 8, 8)), CANONICAL, [example(1, 3, 8, 8)])
    assert operators(result.graph) == ["conv2d", "conv2d"]
    assert [node.name for node in result.graph.graph.nodes if node.op == "call_function"] == [
        "conv2d",
        "conv2d_1",
    ]


def test_progress_counts_passes():
    progress = Counting()
    run_passes(capture(network(), example(1, 3, 8, 8)), (Unchanging(), Unchanging()), [], progress)
    assert progress.seen == 2


def test_records_come_in_the_order_of_the_passes():
    result = run_passes(capture(network(), example(1, 3, 8, 8)), CANONICAL, [example(1, 3, 8, 8)])
    assert [record.name for record in result.records] == [step.name for step in CANONICAL]
    assert [record.count for record in result.records if "before it" in record.name] == [1]


def test_new_constants_are_called_as_those_they_replace():
    deep = randomized(nn.Sequential(nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4))))
    result = run_passes(capture(deep, example(1, 3, 8, 8)), CANONICAL, [example(1, 3, 8, 8)])
    assert [name for name, _ in result.graph.named_buffers()] == ["0.0.weight", "0.0.bias"]
