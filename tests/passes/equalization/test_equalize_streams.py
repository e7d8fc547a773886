import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ca_deploy.passes import CANONICAL, capture, run_passes
from ca_deploy.passes.equalization import EqualizeStreams
from ca_deploy.passes.equalization.channel_ranges import channel_ranges
from ca_deploy.passes.equalization.streams import find_streams


class Residual(nn.Module):
    """Projections of unequal channels into one stream, read by two layers; each option spoils it in a way."""

    def __init__(self, padded=False, activated=False, leaked=False):
        super().__init__()
        torch.manual_seed(0)
        self.activated, self.leaked = activated, leaked
        kernel = 3 if padded else 1
        self.first = nn.Conv2d(3, 8, 1)
        self.expand = nn.Conv2d(8, 12, kernel, padding=kernel // 2)
        self.project = nn.Conv2d(12, 8, 1)
        self.last = nn.Conv2d(8, 6, 1, bias=False)
        self.classifier = nn.Linear(6, 4)
        with torch.no_grad():
            for layer in (self.first, self.project):
                sizes = torch.logspace(-2, 1, 8)
                layer.weight *= sizes.reshape(-1, 1, 1, 1)
                layer.bias.copy_(sizes)

    def forward(self, x):
        x = self.first(x)
        x = F.relu(x) if self.activated else x
        y = x + self.project(F.relu6(self.expand(x)))
        logits = self.classifier(F.relu6(self.last(y)).mean((2, 3)))
        return (logits, y) if self.leaked else logits


@pytest.fixture
def examples():
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(1, 3, 8, 8, generator=generator) for _ in range(4)]


def canonical(network, examples):
    return run_passes(capture(network, examples[0]), CANONICAL, examples[:1]).graph


def spread(graph, examples):
    """How many times further from zero one channel goes than another, in the stream that holds the sum."""
    (stream,) = (found for found in find_streams(graph)[0] if found.sums)
    low, high = channel_ranges(graph, stream.sums, examples)[stream.sums[0]]
    furthest = torch.maximum(high, -low)
    return float(furthest.max() / furthest.min())


@pytest.mark.parametrize("padded", [False, True])
def test_channels_come_closer_and_the_outputs_stay(examples, padded):
    graph = canonical(Residual(padded=padded), examples)
    result = run_passes(graph, [EqualizeStreams(examples)], examples)
    (record,) = result.records
    assert record.count == 1
    assert record.error < 1e-12
    assert spread(result.graph, examples) < 0.2 * spread(graph, examples)


def test_written_channels_are_centred_unless_a_reader_pads(examples):
    for padded in (False, True):
        graph = run_passes(
            canonical(Residual(padded=padded), examples), [EqualizeStreams(examples)], examples
        ).graph
        (stream,) = (found for found in find_streams(graph)[0] if found.sums)
        lows_and_highs = channel_ranges(graph, [writer.node for writer in stream.writers], examples).values()
        off_centre = max(float(((low + high) / (high - low)).abs().max()) for low, high in lows_and_highs)
        assert (off_centre < 1e-4) is not padded


def test_the_given_graph_stays_as_it_was(examples):
    graph = canonical(Residual(), examples)
    before = graph(examples[0])
    EqualizeStreams(examples)(graph)
    assert torch.equal(graph(examples[0]), before)


@pytest.mark.parametrize(
    ("option", "reason"), [("activated", "holds the result of aten.relu"), ("leaked", "caller")]
)
def test_streams_that_something_else_touches_are_refused(examples, option, reason):
    graph = canonical(Residual(**{option: True}), examples)
    rewritten = EqualizeStreams(examples)(graph)
    assert rewritten.count == 0
    assert rewritten.graph is graph
    assert any(reason in refusal.reason for refusal in rewritten.refusals)


def test_a_channel_that_is_always_zero_leaves_the_others_alone(examples):
    network = Residual()
    with torch.no_grad():
        for layer in (network.first, network.project):
            layer.weight[3], layer.bias[3] = 0, 0
    graph = canonical(network, examples)
    (record,) = run_passes(graph, [EqualizeStreams(examples)], examples).records
    assert record.count == 1
    assert record.error < 1e-12


def test_a_layer_that_reads_one_stream_and_writes_the_next_takes_both_scales(examples):
    network = nn.Sequential(nn.Conv2d(3, 8, 1), nn.Conv2d(8, 8, 1), nn.Conv2d(8, 4, 1), nn.ReLU6())
    graph = canonical(network, examples)
    (record,) = run_passes(graph, [EqualizeStreams(examples)], examples).records
    assert record.count == 2
    assert record.error < 1e-12
