"""Sums and products in float: where values are not rounded in between, in each way of writing a graph."""

import numpy as np
import pytest
import torch
from small_graphs import graph_of
from torch import nn
from torch.nn import functional as F

from ca_deploy.exporters.onnx import to_onnx, value_names
from ca_deploy.metrics import sqnr_db
from ca_deploy.progress import Silent
from ca_deploy.quantization.calibration import Calibration
from ca_deploy.quantization.calibration_set import ImageSet
from ca_deploy.quantization.graph.decomposed import with_integers
from ca_deploy.quantization.graph.execution import run
from ca_deploy.quantization.graph.joints import exact_reads
from ca_deploy.quantization.graph.parameters import Scheme
from ca_deploy.quantization.graph.quantize import quantize_graph
from ca_deploy.quantization.qdq import write_qdq
from ca_deploy.runtimes.onnx_runtime import OnnxRuntime

IMAGES = np.random.default_rng(1).standard_normal((24, 3, 8, 8)).astype(np.float32)
CALIBRATION = Calibration(ImageSet(tuple(map(str, range(24))), tuple(IMAGES), spec=None))


class Residual(nn.Module):
    """Two sums in a row, a product with two gates, and an h_swish, whose product is none with a gate."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second, self.third, self.last = (nn.Conv2d(n, 8, 1) for n in (3, 8, 8, 8))

    def forward(self, x):
        x = self.first(x)
        one = x + self.second(x)
        two = one + self.third(one)
        rows, columns = (torch.sigmoid(two.mean(axis, keepdim=True)) for axis in (2, 3))
        gated = self.last(two * rows * columns)
        return gated * F.relu6(gated + 3)


@pytest.fixture(scope="module")
def graph():
    return graph_of(Residual())


@pytest.fixture(scope="module")
def best(graph):
    return quantize_graph(graph, CALIBRATION, Scheme(), "best", Silent())


def names(graph, target):
    return [node.name for node in graph.graph.find_nodes(op="call_function", target=target)]


def expected(graph):
    with torch.no_grad():
        return run(graph, torch.from_numpy(IMAGES), lambda _, value: value)[0].numpy()


def test_sums_and_products_with_gates_read_one_another_exactly(graph):
    one, two, _ = names(graph, torch.ops.aten.add.Tensor)
    rows, columns, _ = names(graph, torch.ops.aten.mul.Tensor)
    found = {(value.name, reader.name) for value, reader in exact_reads(graph)}
    assert found == {(one, two), (two, rows), (rows, columns)}


def test_what_only_joints_read_is_not_stored(graph, best):
    one, two, _ = names(graph, torch.ops.aten.add.Tensor)
    rows, columns, _ = names(graph, torch.ops.aten.mul.Tensor)
    assert {one, two, columns} <= best.params.keys()
    assert rows not in best.params


def test_the_graph_with_integers_passes_them_by(best):
    integers = with_integers(best)
    one, two, _ = integers.graph.find_nodes(op="call_function", target=torch.ops.aten.add.Tensor)
    assert one in two.args
    assert [reader.target._opname for reader in one.users if reader is not two] == ["quantize_per_tensor"]


def test_the_qdq_form_passes_them_by_and_rounds_less(graph, best):
    balanced = quantize_graph(graph, CALIBRATION, Scheme(), "balanced", Silent())
    decibels = {}
    for label, quantized in (("balanced", balanced), ("best", best)):
        known = value_names(quantized.graph)
        params = {name: held for node, held in quantized.params.items() for name in known[node]}
        exact = {(a, b) for one, two in quantized.exact for a in known[one] for b in known[two]}
        model = write_qdq(to_onnx(quantized.graph, torch.from_numpy(IMAGES[:1])), params, exact)
        decibels[label] = sqnr_db(expected(graph), OnnxRuntime(model.SerializeToString()).run(IMAGES)[0])
    sums = [node for node in model.graph.node if node.op_type == "Add"]
    assert sums[0].output[0] in sums[1].input
    assert decibels["best"] > decibels["balanced"] + 0.3
