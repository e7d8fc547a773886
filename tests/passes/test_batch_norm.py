from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pass_support import apply, randomized
from torch import Tensor, nn

from ca_deploy.passes.fold_batch_norm import FoldBatchNorm
from ca_deploy.passes.fold_batch_norm_forward import FoldBatchNormForward

BEHIND = {
    "convolution": (nn.Conv2d(4, 6, 3, padding=1), nn.BatchNorm2d(6)),
    "without bias": (nn.Conv2d(4, 6, 3, bias=False), nn.BatchNorm2d(6)),
    "grouped": (nn.Conv2d(4, 6, 3, groups=2, stride=2), nn.BatchNorm2d(6)),
    "depthwise": (nn.Conv2d(4, 8, 3, groups=4, padding="same"), nn.BatchNorm2d(8)),
    "transposed": (nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1), nn.BatchNorm2d(6)),
    "grouped, transposed": (nn.ConvTranspose2d(4, 6, 2, groups=2, bias=False), nn.BatchNorm2d(6)),
    "without scale and shift": (nn.Conv2d(4, 6, 1), nn.BatchNorm2d(6, affine=False)),
}


@pytest.mark.parametrize("name", BEHIND)
def test_batch_norm_behind_a_convolution_folds(name):
    layer, norm = BEHIND[name]
    if not norm.affine:
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2)
    else:
        randomized(norm)
    outcome = apply(FoldBatchNorm(), nn.Sequential(layer, norm, nn.ReLU()), 2, 4, 7, 7)
    assert outcome.operators[1:] == ["relu"]
    assert outcome.count == 1
    assert [name for name, _ in outcome.graph.named_buffers()] == ["0.weight", "0.bias"]


def test_one_and_three_dimensions_and_linear_layers_fold():
    signal = randomized(nn.Sequential(nn.Conv1d(4, 6, 3), nn.BatchNorm1d(6)))
    assert apply(FoldBatchNorm(), signal, 2, 4, 9).operators == ["conv1d"]
    volume = randomized(nn.Sequential(nn.Conv3d(2, 3, 2), nn.BatchNorm3d(3)))
    assert apply(FoldBatchNorm(), volume, 1, 2, 4, 4, 4).operators == ["conv3d"]
    linear = randomized(nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6)))
    assert apply(FoldBatchNorm(), linear, 3, 4).operators == ["linear"]


def test_a_weight_that_two_calls_share_folds_for_each():
    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.one, self.other = nn.Conv2d(4, 6, 1), nn.BatchNorm2d(6), nn.BatchNorm2d(6)

        def forward(self, x: Tensor) -> Tensor:
            return self.one(self.layer(x)) + self.other(self.layer(x * 2))

    network = randomized(Shared())
    network.other.running_mean.mul_(3)
    outcome = apply(FoldBatchNorm(), network, 1, 4, 5, 5)
    assert outcome.operators == ["conv2d", "mul", "conv2d", "add"]
    names = {name for name, _ in outcome.graph.named_buffers()}
    assert names == {"layer.weight", "layer.bias", "layer.weight_", "layer.bias_"}


def test_a_convolution_with_other_readers_is_refused():
    class Tapped(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.norm = nn.Conv2d(4, 6, 1), nn.BatchNorm2d(6)

        def forward(self, x: Tensor) -> Tensor:
            x = self.layer(x)
            return self.norm(x) + x

    outcome = apply(FoldBatchNorm(), randomized(Tapped()), 1, 4, 5, 5)
    assert outcome.operators == ["conv2d", "batch_norm", "add"]
    (refusal,) = outcome.refusals
    assert refusal.place == "norm"
    assert "also feeds something that is not normalized" in refusal.reason


def test_statistics_of_the_batch_are_refused():
    network = nn.Sequential(nn.Conv2d(4, 6, 1), nn.BatchNorm2d(6, track_running_stats=False))
    outcome = apply(FoldBatchNorm(), network, 2, 4, 5, 5)
    assert "batch_norm" in outcome.operators
    assert "each batch's own statistics" in outcome.reasons


def test_a_linear_layer_over_sequences_is_not_taken_for_one_over_channels():
    network = randomized(nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(5)))
    outcome = apply(FoldBatchNorm(), network, 2, 5, 4)
    assert outcome.operators == ["linear", "batch_norm"]
    assert "no convolution or linear layer" in apply(FoldBatchNormForward(), network, 2, 5, 4).reasons


AHEAD = {
    "pointwise": (nn.BatchNorm2d(4), nn.Conv2d(4, 6, 1)),
    "without bias": (nn.BatchNorm2d(4), nn.Conv2d(4, 6, 1, bias=False)),
    "unpadded": (nn.BatchNorm2d(4), nn.Conv2d(4, 6, 3, stride=2)),
    "grouped": (nn.BatchNorm2d(4), nn.Conv2d(4, 6, 3, groups=2)),
    "depthwise": (nn.BatchNorm2d(4), nn.Conv2d(4, 4, 3, groups=4, padding="valid")),
    "same padding of one pixel": (nn.BatchNorm2d(4), nn.Conv2d(4, 6, 1, padding="same")),
}


@pytest.mark.parametrize("name", AHEAD)
def test_batch_norm_ahead_of_an_unpadded_convolution_folds(name):
    outcome = apply(FoldBatchNormForward(), randomized(nn.Sequential(nn.ReLU(), *AHEAD[name])), 2, 4, 7, 7)
    assert outcome.operators[0] == "relu"
    assert len(outcome.operators) == 2


def test_batch_norm_ahead_of_a_linear_layer_folds():
    network = randomized(nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 6)))
    assert apply(FoldBatchNormForward(), network, 3, 4).operators == ["linear"]


def test_a_scale_without_shift_folds_into_a_padded_convolution():
    network = randomized(nn.Sequential(nn.BatchNorm2d(4), nn.Conv2d(4, 6, 3, padding=1)))
    network[0].running_mean.zero_()
    nn.init.zeros_(network[0].bias)
    assert apply(FoldBatchNormForward(), network, 1, 4, 7, 7).operators == ["conv2d"]


@pytest.mark.parametrize(
    ("after", "reason"),
    [
        (nn.Conv2d(4, 6, 3, padding=1), "pads with zeros"),
        (nn.Conv2d(4, 6, 3, padding="same"), "pads with zeros"),
        (nn.ConvTranspose2d(4, 6, 3), "transposed convolution"),
        (nn.ReLU(), "no convolution or linear layer stands beside it"),
    ],
)
def test_what_would_see_the_shift_differently_is_refused(after, reason):
    outcome = apply(FoldBatchNormForward(), randomized(nn.Sequential(nn.BatchNorm2d(4), after)), 1, 4, 7, 7)
    assert outcome.operators[0] == "batch_norm"
    assert reason in outcome.reasons


def test_a_normalization_with_two_readers_is_refused():
    class Forked(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm, self.layer = nn.BatchNorm2d(4), nn.Conv2d(4, 4, 1)

        def forward(self, x: Tensor) -> Tensor:
            x = self.norm(x)
            return self.layer(x) + x

    assert "not its only reader" in apply(FoldBatchNormForward(), randomized(Forked()), 1, 4, 5, 5).reasons


@st.composite
def convolutions(draw):
    groups = draw(st.integers(1, 3))
    channels, outputs = (groups * draw(st.integers(1, 3)) for _ in range(2))
    transposed = draw(st.booleans())
    settings_of_layer = {
        "kernel_size": (draw(st.integers(1, 3)), draw(st.integers(1, 3))),
        "stride": draw(st.integers(1, 2)),
        "padding": 0 if transposed else draw(st.integers(0, 2)),
        "dilation": draw(st.integers(1, 2)),
        "groups": groups,
        "bias": draw(st.booleans()),
    }
    layer = (nn.ConvTranspose2d if transposed else nn.Conv2d)(channels, outputs, **settings_of_layer)
    return randomized(nn.Sequential(layer, nn.BatchNorm2d(outputs, eps=draw(st.sampled_from([1e-5, 1e-3])))))


@settings(max_examples=12, deadline=None)
@given(convolutions())
def test_any_setting_of_a_convolution_folds(network):
    outcome = apply(FoldBatchNorm(), network, 1, network[0].in_channels, 8, 8)
    assert outcome.count == 1
    assert "batch_norm" not in outcome.operators


def test_the_given_tensors_are_not_written_to():
    network = randomized(nn.Sequential(nn.Conv2d(4, 6, 1), nn.BatchNorm2d(6)))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    apply(FoldBatchNorm(), network, 1, 4, 5, 5)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
