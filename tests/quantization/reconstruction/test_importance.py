import numpy as np
import torch
from onnx import helper

from ca_deploy.quantization.reconstruction.importance import importances
from ca_deploy.quantization.simulation import Simulation


def test_channels_count_by_what_the_outputs_make_of_them(to_tflite):
    random = np.random.default_rng(0)
    behind = np.zeros((40, 4, 1, 1), np.float32)
    behind[:, 1], behind[:, 2] = 1, 3
    nodes = [
        helper.make_node("Conv", ["input", "w0"], ["c"]),
        helper.make_node("Conv", ["c", "w1"], ["logits"]),
    ]
    data = to_tflite(nodes, {"w0": random.standard_normal((4, 3, 1, 1)).astype(np.float32), "w1": behind})
    images = torch.randn(4, 8, 8, 3, generator=torch.Generator().manual_seed(0))
    simulation = Simulation(data)
    between = int(simulation.operators[0].outputs[0])
    found = importances(simulation, images, [between], torch.Generator().manual_seed(0))
    torch.testing.assert_close(found[between], torch.tensor([0.0, 0.4, 3.6, 0.0]))
