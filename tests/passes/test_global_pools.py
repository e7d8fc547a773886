from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from pass_support import apply
from torch import Tensor, nn

from ca_deploy.passes.global_pools import PoolsToMeans


class Call(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def outcome_of(function, *shape):
    return apply(PoolsToMeans(), Call(function), *(shape or (1, 3, 6, 8)))


def axes_of(outcome):
    (node,) = (node for node in outcome.graph.graph.nodes if node.op == "call_function")
    assert node.args[2] is True
    return node.args[1]


MEANS = {
    "adaptive, rows": (lambda x: F.adaptive_avg_pool2d(x, (None, 1)), [3]),
    "adaptive, columns": (lambda x: F.adaptive_avg_pool2d(x, (1, None)), [2]),
    "adaptive, both": (lambda x: F.adaptive_avg_pool2d(x, 1), [2, 3]),
    "window, rows": (lambda x: F.avg_pool2d(x, (1, 8)), [3]),
    "window, columns": (lambda x: F.avg_pool2d(x, (6, 1), stride=1), [2]),
    "window, both": (lambda x: F.avg_pool2d(x, x.shape[2:]), [2, 3]),
    "mean": (lambda x: x.mean((-1, -2), keepdim=True), [2, 3]),
}


@pytest.mark.parametrize("name", MEANS)
def test_global_average_pools_are_means(name):
    function, axes = MEANS[name]
    outcome = outcome_of(function)
    assert outcome.operators == ["mean"]
    assert axes_of(outcome) == axes


@pytest.mark.parametrize(
    "function",
    [
        lambda x: F.adaptive_max_pool2d(x, 1),
        lambda x: F.max_pool2d(x, (6, 8)),
        lambda x: torch.amax(x, (2, 3), keepdim=True),
    ],
)
def test_global_maximum_pools_are_maxima(function):
    outcome = outcome_of(function)
    assert outcome.operators == ["amax"]


def test_other_dimensions_pool_alike():
    assert outcome_of(lambda x: F.adaptive_avg_pool1d(x, 1), 1, 3, 6).operators == ["mean"]
    assert outcome_of(lambda x: F.adaptive_avg_pool3d(x, (1, None, 1)), 1, 3, 4, 5, 6).operators == ["mean"]


def test_a_mean_that_drops_its_axes_keeps_them_and_is_reshaped():
    assert outcome_of(lambda x: x.mean((2, 3))).operators == ["mean", "reshape"]
    assert outcome_of(lambda x: x.mean(-1).unsqueeze(-1)).operators == ["mean", "reshape", "unsqueeze"]


@pytest.mark.parametrize(
    "function",
    [
        lambda x: F.adaptive_avg_pool2d(x, (2, None)),
        lambda x: F.avg_pool2d(x, (6, 2)),
        lambda x: F.avg_pool2d(x, (6, 8), divisor_override=2),
        lambda x: F.max_pool2d(x, (3, 8)),
    ],
)
def test_pools_that_are_not_global_stay_with_a_reason(function):
    outcome = outcome_of(function)
    assert outcome.count == 0
    assert "its windows are not whole axes: (1, 3, 6, 8) becomes" in outcome.reasons


def test_ordinary_pools_are_no_near_misses():
    outcome = outcome_of(lambda x: F.max_pool2d(F.avg_pool2d(x, 2), 2, stride=1))
    assert outcome.operators == ["avg_pool2d", "max_pool2d"]
    assert outcome.refusals == ()


def test_a_padded_window_that_ends_in_one_pixel_is_no_mean():
    outcome = outcome_of(lambda x: F.avg_pool2d(x, (6, 8), stride=9, padding=(1, 2)))
    assert outcome.operators == ["avg_pool2d"]
    assert outcome.count == 0


sizes = st.integers(1, 5)


@settings(max_examples=15, deadline=None)
@given(sizes, sizes, st.tuples(sizes, sizes), st.booleans())
def test_any_window_keeps_its_values(height, width, kernel, maximum):
    kernel = (min(kernel[0], height), min(kernel[1], width))
    outcome = outcome_of(
        lambda x: (F.max_pool2d if maximum else F.avg_pool2d)(x, kernel), 1, 2, height, width
    )
    pooled = {(height, width), (1, width), (height, 1)} - {(1, 1)}
    assert (outcome.count == 1) == (kernel in pooled)
