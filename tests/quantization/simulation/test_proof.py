import torch

from ca_deploy.quantization.ranges import measure_ranges
from ca_deploy.quantization.simulation import Simulation, distance_db, objection
from ca_deploy.quantization.simulation.operators import KERNELS
from ca_deploy.quantization.static import quantize_static


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


def test_the_distance_to_the_kernels_tells_the_right_file_from_another(gated, images):
    simulation, ranges = Simulation(gated), measure_ranges(gated, [images], 1)
    written = quantize_static(gated, ranges)
    coarse = quantize_static(gated, ranges, per_channel=False)
    assert distance_db(simulation, ranges, written, images) > 30
    assert distance_db(simulation, ranges, coarse, images) < distance_db(simulation, ranges, written, images)
