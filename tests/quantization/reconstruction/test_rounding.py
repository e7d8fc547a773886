import pytest
import torch

from ca_deploy.quantization.reconstruction.rounding import Rounding
from ca_deploy.quantization.simulation.simulation import rounded_weights, weight_scale


@pytest.fixture
def weights():
    return torch.randn(6, 3, 3, 4, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("axis", [0, 3, None])
def test_a_weight_is_rounded_down_or_up_whatever_was_learned(weights, axis):
    rounding, scale = Rounding(weights, axis), weight_scale(weights, axis)
    with torch.no_grad():
        rounding.logits.copy_(torch.randn(weights.shape, generator=torch.Generator().manual_seed(1)))
    steps = rounding.hard() / scale
    assert torch.allclose(steps, steps.round(), atol=1e-3)
    assert bool(((steps - weights / scale).abs() < 1.001).all())
    assert bool((steps.abs() <= 127.001).all())


@pytest.mark.parametrize("axis", [0, None])
def test_scales_stay(weights, axis):
    rounding = Rounding(weights, axis)
    with torch.no_grad():
        rounding.logits.fill_(-9)
    assert torch.allclose(weight_scale(rounding.hard(), axis), weight_scale(weights, axis))


def test_unlearned_rounding_is_to_nearest(weights):
    rounding = Rounding(weights, 0)
    assert torch.allclose(rounding.hard(), rounded_weights(weights, 0), atol=1e-6)
    assert torch.allclose(rounding.soft(), weights, atol=0.02 * float(weight_scale(weights, 0).max()))


def test_what_is_undecided_decides(weights):
    rounding = Rounding(weights, 0)
    first = float(rounding.undecided(2.0).detach())
    optimizer = torch.optim.Adam([rounding.logits], lr=0.2)
    for _ in range(60):
        optimizer.zero_grad()
        rounding.undecided(2.0).backward()
        optimizer.step()
    assert float(rounding.undecided(2.0).detach()) < 0.05 < first
    assert torch.allclose(rounding.soft(), rounding.hard(), atol=0.05 * float(weight_scale(weights, 0).max()))
