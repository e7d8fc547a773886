from itertools import pairwise

import numpy as np
from onnx import helper

from ca_deploy.quantization.reconstruction.blocks import blocks, boundary
from ca_deploy.quantization.simulation import Simulation


def kinds(simulation, block):
    return [simulation.model.kind(simulation.operators[place]) for place in block]


def test_blocks_end_behind_linear_bottlenecks_and_sums(residual):
    simulation = Simulation(residual)
    found = blocks(simulation)
    layer = "CONV_2D"
    assert [kinds(simulation, block) for block in found[:2]] == [[layer, layer], [layer, layer, "ADD"]]
    assert kinds(simulation, found[2])[-1] == "FULLY_CONNECTED"


def test_blocks_cover_every_operator_once(gated):
    simulation = Simulation(gated)
    found = blocks(simulation)
    assert (found[0].start, found[-1].stop) == (0, len(simulation.operators))
    assert all(before.stop == behind.start for before, behind in pairwise(found))


def test_a_block_hands_on_the_tensor_that_the_next_one_reads(residual):
    simulation = Simulation(residual)
    found = blocks(simulation)
    for block, behind in pairwise(found):
        (written,) = simulation.operators[block.stop - 1].outputs
        assert boundary(simulation, block) == written
        assert written in {index for place in behind for index in simulation.operators[place].inputs}
    assert boundary(simulation, found[-1]) == simulation.model.outputs[0]


def test_no_block_ends_at_what_the_caller_reads(to_tflite):
    random = np.random.default_rng(0)
    weights = {name: random.standard_normal((3, 3, 1, 1)).astype(np.float32) for name in ("w0", "w1", "w2")}
    nodes = [
        helper.make_node("Conv", ["input", "w0"], ["inner"]),
        helper.make_node("Conv", ["inner", "w1"], ["features"]),
        helper.make_node("Conv", ["features", "w2"], ["logits"]),
    ]
    simulation = Simulation(to_tflite(nodes, weights, outputs=("features", "logits")))
    found = blocks(simulation)
    assert [len(block) for block in found] == [1, 2]
    assert boundary(simulation, found[1]) == simulation.model.outputs[0]


def test_a_network_without_weights_has_no_blocks(to_tflite):
    data = to_tflite([helper.make_node("Add", ["input", "input"], ["logits"])], {})
    assert blocks(Simulation(data)) == []
