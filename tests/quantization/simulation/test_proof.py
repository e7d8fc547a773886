import torch

from ca_deploy.quantization.simulation import Simulation, objection
from ca_deploy.quantization.simulation.operators import KERNELS


def test_a_simulation_that_computes_what_litert_computes_is_accepted(gated, images):
    assert objection(Simulation(gated), gated, images[:2]) is None


def test_a_kernel_that_fails_is_an_objection(gated, images, monkeypatch):
    def fails(inputs, options):
        raise ValueError("not enough values")

    monkeypatch.setitem(KERNELS, "MEAN", fails)
    reason = objection(Simulation(gated), gated, images[:2])
    assert reason == "the network cannot be simulated (not enough values)"


def test_a_kernel_that_computes_something_else_is_an_objection(gated, images, monkeypatch):
    monkeypatch.setitem(KERNELS, "HARD_SWISH", lambda inputs, options: (torch.relu(inputs[0]),))
    assert objection(Simulation(gated), gated, images[:2]) == "the simulation's outputs are not LiteRT's"
