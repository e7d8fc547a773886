"""The quantize step for formats that are written from a PyTorch graph: ONNX, Core ML, ExecuTorch."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.fx import GraphModule

from ca_deploy.progress import Progress
from ca_deploy.quantization.calibration import Calibration
from ca_deploy.quantization.graph.bias_correction import corrected_graph_biases
from ca_deploy.quantization.graph.execution import objection
from ca_deploy.quantization.graph.parameters import Scheme, graph_parameters, measure_graph_ranges
from ca_deploy.quantization.parameters import QuantParams
from ca_deploy.runtimes.torch_threads import torch_threads

_IMAGES = 128
"""For biases; all of them are in memory at once. See `quantization.balanced`."""
_PROOF_IMAGES = 2


@dataclass(frozen=True)
class QuantizedGraph:
    """A float32 graph and how an int8 runtime stores what it computes.

    Attributes:
        graph: with corrected biases.
        params: of every stored value, by the name of its node.
        warnings: what had to be left out, one line each.
    """

    graph: GraphModule
    params: Mapping[str, QuantParams]
    warnings: tuple[str, ...] = ()


def quantize_graph(
    graph: GraphModule, calibration: Calibration, scheme: Scheme, optimize: str, progress: Progress
) -> QuantizedGraph:
    """Measure a graph's ranges and, unless it must be fast, correct its biases.

    Args:
        graph: a passed graph, traced with one image; it stays as it is.
        calibration: images that set ranges and biases.
        scheme: how the runtime stores activations.
        optimize: "fast" takes the ranges only; "balanced" and "best" correct biases too.
        progress: shows the images done.
    """
    with torch_threads(1), torch.inference_mode():
        reason = objection(graph, torch.from_numpy(calibration.images.first(_PROOF_IMAGES)))
        batches = calibration.batches(progress)
        if reason is not None:
            batches = (image[None] for batch in batches for image in batch)
        ranges = measure_graph_ranges(graph, batches)
        params = graph_parameters(graph, ranges, scheme)
        if reason is None and optimize != "fast":
            biases = corrected_graph_biases(graph, params, calibration.images.first(_IMAGES))
        else:
            biases = {}
    warnings = (f"biases are not corrected: {reason}",) if reason and optimize != "fast" else ()
    named = {node.name: params[node] for node in params}
    return QuantizedGraph(_with_constants(graph, biases), named, warnings)


def _with_constants(graph: GraphModule, constants: Mapping[str, Tensor]) -> GraphModule:
    """A copy of a graph that reads other constants, by name."""
    result = GraphModule(graph, copy.deepcopy(graph.graph))
    for name, value in constants.items():
        owner, _, own_name = name.rpartition(".")
        result.get_submodule(owner).register_buffer(own_name, value.clone())
    return result
