import numpy as np
import pytest
import torch

from ca_deploy.quantization.reconstruction.steps import Steps
from ca_deploy.quantization.simulation import Simulation


@pytest.fixture
def steps(gated, gated_ranges):
    return Steps(Simulation(gated), gated_ranges)


@pytest.fixture(scope="module")
def gated_ranges(gated, images):
    from ca_deploy.quantization.ranges import measure_ranges

    return measure_ranges(gated, [images], 1)


def test_unlearned_ranges_make_the_same_parameters(steps, gated, gated_ranges):
    simulation = Simulation(gated)
    before, after = (simulation.parameters(one) for one in (gated_ranges, {**gated_ranges, **steps.ranges()}))
    for index, params in before.items():
        np.testing.assert_allclose(after[index].scale, params.scale, rtol=1e-5)
        assert after[index].zero_point == params.zero_point


def test_tensors_that_share_parameters_learn_together_and_fixed_ones_do_not(steps, gated, gated_ranges):
    simulation = Simulation(gated)
    with torch.no_grad():
        for number, scale in enumerate(steps.scales):
            scale.add_(0.01 * (number + 1))
    found = simulation.parameters({**gated_ranges, **steps.ranges()})
    for operator, rule in zip(simulation.operators, simulation.rules, strict=True):
        if rule is not None and rule.scale == "same":
            assert found[int(operator.inputs[0])].same_as(found[int(operator.outputs[0])])
        if rule is not None and rule.fixed is not None:
            assert found[int(operator.outputs[0])] is rule.fixed


def test_scales_become_no_smaller_than_nine_tenths(steps, gated, gated_ranges):
    with torch.no_grad():
        for scale in steps.scales:
            scale.sub_(1)
    steps.hold()
    before = Simulation(gated).parameters(gated_ranges)
    for index, after in Simulation(gated).parameters({**gated_ranges, **steps.ranges()}).items():
        assert after.scale[0] >= 0.899 * before[index].scale[0]


def test_scales_and_zero_points_have_gradients(steps, gated):
    source = Simulation(gated).model.inputs[0]
    (group,) = steps.of({source})
    for one in (steps.scales[group], steps.zeros[group]):
        one.requires_grad_()
    values = torch.linspace(-9, 9, 1000)
    stored = steps.store(source, values)
    assert len(stored.unique()) <= 256
    (stored - values).square().sum().backward()
    assert float(steps.scales[group].grad) < 0  # larger steps would clip less
    assert torch.isfinite(steps.zeros[group].grad).all()
