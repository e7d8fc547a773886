from __future__ import annotations

import copy

import pytest
import torch
from pass_support import example, operators
from torch import Tensor, nn

from ca_deploy.errors import UserError
from ca_deploy.passes import capture
from ca_deploy.passes.graph import place


class Call(nn.Module):
    """Calls a function of a tensor."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x: Tensor):
        return self.function(x)


class Wrapped(nn.Module):
    """Puts a module where users have theirs: deep inside."""

    def __init__(self, inner: nn.Module):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 4, 1), inner)

    def forward(self, x: Tensor):
        return self.features(x)


def message_of(module: nn.Module, shape=(1, 3, 8, 8)) -> str:
    with pytest.raises(UserError) as caught:
        capture(Wrapped(module), example(*shape))
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_the_graph_computes_what_the_network_computes():
    network = Wrapped(nn.Sequential(nn.BatchNorm2d(4), nn.ReLU6(inplace=True), nn.Dropout(0.5)))
    graph = capture(network, example(1, 3, 8, 8))
    assert not network.training
    assert torch.equal(graph(example(1, 3, 8, 8)), network(example(1, 3, 8, 8)))


def test_parameters_keep_their_names_and_nodes_their_places():
    graph = capture(Wrapped(nn.Sequential(nn.ReLU(), nn.Conv2d(4, 2, 1))), example(1, 3, 8, 8))
    assert {name for name, _ in graph.named_buffers()} == {
        "features.0.weight",
        "features.0.bias",
        "features.1.1.weight",
        "features.1.1.bias",
    }
    places = [place(node) for node in graph.graph.nodes if node.op == "call_function"]
    assert places == ["features.0", "features.1.0", "features.1.1"]


def test_the_graph_can_be_copied_and_run_in_float64():
    graph = capture(Wrapped(nn.Hardswish()), example(1, 3, 8, 8))
    doubled = copy.deepcopy(graph).double()
    assert doubled(example(1, 3, 8, 8).double()).dtype == torch.float64
    assert graph(example(1, 3, 8, 8)).dtype == torch.float32


def test_several_outputs_come_as_a_flat_tuple():
    module = Call(lambda x: {"a": x + 1, "b": [x * 2, None]})
    one, other = capture(module, example(1, 3))(example(1, 3))
    assert torch.equal(one, example(1, 3) + 1)
    assert torch.equal(other, example(1, 3) * 2)


def test_in_place_operators_become_functional():
    def forward(x: Tensor) -> Tensor:
        x = x + 1
        x += 2
        x.mul_(3).clamp_(0, 4)
        return nn.functional.hardswish(x, inplace=True)

    graph = capture(Call(forward), example(1, 3, 8, 8))
    assert operators(graph) == ["add", "add", "mul", "clamp", "hardswish"]


def test_views_of_moved_elements_become_reshapes():
    graph = capture(Call(lambda x: x.transpose(1, 2).contiguous().view(1, -1)), example(1, 3, 8, 8))
    assert operators(graph)[-1] == "reshape"


def test_attention_without_dropout_is_not_random():
    module = Call(lambda x: nn.functional.scaled_dot_product_attention(x, x, x))
    assert operators(capture(module, example(1, 2, 3, 4))) == ["scaled_dot_product_attention"]


def set_first_channel(x: Tensor) -> Tensor:
    y = x * 1
    y[:, 0] = 3
    return y


def double_through_a_view(x: Tensor) -> Tensor:
    y = x + 0
    y.view(-1).mul_(2)
    return y


def keep_the_old_value(x: Tensor) -> Tensor:
    old = x + 0
    view = old.view(-1)
    new = old.relu_()
    return new.view(-1) + view


@pytest.mark.parametrize("function", [set_first_channel, double_through_a_view, keep_the_old_value])
def test_mutation_seen_through_another_name_is_kept(function):
    module = nn.Sequential(nn.BatchNorm2d(3), Call(function)).eval()
    graph = capture(module, example(1, 3, 8, 8))
    assert not any(name.endswith("_") for name in operators(graph))
    assert "batch_norm" in operators(graph)
    torch.testing.assert_close(graph(example(1, 3, 8, 8)), module(example(1, 3, 8, 8)))


def test_literals_that_round_to_a_sixth_are_a_sixth():
    sixth = torch.tensor(1 / 6)
    graph = capture(Call(lambda x: x * 0.16666667 + x * sixth + x * 0.166667), example(1, 3))
    factors = [node.args[1] for node in graph.graph.nodes if "mul" in str(node.target)]
    assert factors == [1 / 6, 1 / 6, 0.166667]


def test_one_element_constants_become_numbers():
    three, zero, six = torch.tensor(3.0), torch.zeros(1), torch.tensor(6.0)
    module = Call(lambda x: torch.minimum(torch.maximum(three + x, zero), six) / six)
    graph = capture(module, example(1, 3))
    assert operators(graph) == ["add", "clamp_min", "clamp_max", "div"]
    assert not list(graph.buffers())


class Branching(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        if x.sum() > 0:
            return x
        return -x


class Looping(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        for _ in range(int(x.abs().sum().item())):
            x = x + 1
        return x


@pytest.mark.parametrize("module", [Branching(), Looping()])
def test_control_flow_that_depends_on_the_data_is_located(module):
    message = message_of(module)
    assert "control flow depends on the data at features.1 (test_capture.py, line " in message
    assert "torch.where" in message


@pytest.mark.parametrize("function", [lambda x: x * x.max().item(), lambda x: x[x > 0]])
def test_sizes_and_numbers_from_the_data_are_refused(function):
    assert "from its data at features.1" in message_of(Call(function))


def test_leaving_tensors_is_located():
    message = message_of(Call(lambda x: torch.from_numpy(x.numpy() * 2)))
    assert "cannot trace the network at features.1 (test_capture.py, line" in message


@pytest.mark.parametrize(
    "function", [lambda x: x + torch.rand_like(x), lambda x: nn.functional.dropout(x, 0.5, training=True)]
)
def test_random_numbers_are_refused(function):
    assert "draws random numbers in evaluation mode at features.1" in message_of(Call(function))


@pytest.mark.parametrize("function", [lambda x: 3, lambda x: (x, x.shape[0]), lambda x: None])
def test_results_that_are_no_tensors_are_refused(function):
    assert "something other than tensors" in message_of(Call(function))


def test_a_network_that_fails_is_located():
    message = message_of(nn.Linear(5, 2))
    assert message.startswith("the network fails on a 1x3x8x8 input at features.1")


def test_state_that_changes_with_every_call_is_noticed():
    class Counting(nn.Module):
        calls = 0

        def forward(self, x: Tensor) -> Tensor:
            self.calls += 1
            return x * self.calls

    assert "state that forward() changes" in message_of(Counting())


def test_a_checkpoint_that_holds_nan_is_blamed_and_not_its_graph():
    broken = nn.Conv2d(4, 4, 1)
    broken.bias.data[1] = torch.nan
    message = message_of(broken)
    assert "gives NaN or infinity" in message
    assert "its weight features.1.bias holds some" in message
    assert "though its weights are finite" in message_of(Call(lambda x: x / 0))


def test_an_input_that_runs_out_before_the_last_stride_is_refused():
    halves = nn.Sequential(*(nn.Conv2d(4, 4, 3, stride=2, padding=1) for _ in range(4)))
    assert capture(Wrapped(halves), example(1, 3, 16, 16)) is not None
    message = message_of(halves, (1, 3, 16, 8))
    assert "of 8 pixels 1 remain at features.1.3, which has a stride of 2" in message
