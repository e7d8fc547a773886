"""The quantize step for formats that are written from a PyTorch graph: ONNX, Core ML, ExecuTorch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.fx import GraphModule

from ca_deploy.progress import Progress
from ca_deploy.quantization.bias_correction import images_for_biases
from ca_deploy.quantization.calibration import Calibration
from ca_deploy.quantization.graph.bias_correction import corrected_graph_biases
from ca_deploy.quantization.graph.clips import scaled_graph_clips, unscaled_graph_clips
from ca_deploy.quantization.graph.constants import with_constants
from ca_deploy.quantization.graph.execution import objection
from ca_deploy.quantization.graph.joints import exact_reads
from ca_deploy.quantization.graph.parameters import Scheme, graph_parameters, measure_graph_ranges
from ca_deploy.quantization.parameters import QuantParams
from ca_deploy.runtimes.torch_threads import torch_threads

_PROOF_IMAGES = 2


@dataclass(frozen=True)
class QuantizedGraph:
    """A float32 graph and how an int8 runtime stores what it computes.

    Attributes:
        graph: with scaled channels and corrected biases.
        params: of every stored value, by the name of its node.
        warnings: what had to be left out, one line each.
        exact: reads, by the names of a value's node and its reader's, that are not of its integers.
        unscaled: ReLU6 outputs whose channels could not be scaled, and why, one line each.
    """

    graph: GraphModule
    params: Mapping[str, QuantParams]
    warnings: tuple[str, ...] = ()
    unscaled: tuple[str, ...] = ()
    exact: frozenset[tuple[str, str]] = frozenset()


def quantize_graph(
    graph: GraphModule, calibration: Calibration, scheme: Scheme, optimize: str, progress: Progress
) -> QuantizedGraph:
    """Measure a graph's ranges and, unless it must be fast, scale its ReLU6 channels and correct its biases.

    Args:
        graph: a passed graph, traced with one image; it stays as it is.
        calibration: images that set ranges and biases.
        scheme: how the runtime stores activations.
        optimize: "fast" takes the ranges only; "balanced" and "best" prepare weights and biases too,
            and "best" does not round between sums and products (`exact_reads`).
        progress: shows the images done.
    """
    prepared = optimize != "fast"
    with torch_threads(1), torch.inference_mode():
        reason = objection(graph, torch.from_numpy(calibration.images.first(_PROOF_IMAGES)))

        def batches() -> Iterator[NDArray[np.float32]]:
            """One by one where images would change one another."""
            found = calibration.batches(progress)
            return found if reason is None else (image[None] for batch in found for image in batch)

        unscaled = unscaled_graph_clips(graph) if prepared else ()
        if prepared:
            graph = with_constants(graph, scaled_graph_clips(graph, batches()))
        exact = exact_reads(graph) if optimize == "best" else frozenset()
        ranges = measure_graph_ranges(graph, batches())
        params = {
            node: held
            for node, held in graph_parameters(graph, ranges, scheme).items()
            if any((node, reader) not in exact for reader in node.users)
        }
        if prepared and reason is None:
            images = images_for_biases(calibration.images)
            biases = corrected_graph_biases(graph, params, images, exact, scheme.per_channel_linear)
            graph = with_constants(graph, biases)
    return QuantizedGraph(
        graph,
        {node.name: held for node, held in params.items()},
        _uncorrected(reason) if prepared else (),
        unscaled,
        frozenset((node.name, reader.name) for node, reader in exact),
    )


def quantize_weights(
    graph: GraphModule, calibration: Calibration, optimize: str, weights_above: int
) -> QuantizedGraph:
    """Unless it must be fast, correct a graph's biases for weights in int8; no value is stored as integers.

    Args:
        graph: a passed graph, traced with one image; it stays as it is.
        calibration: images whose means the layers keep.
        optimize: "fast" changes nothing.
        weights_above: layers with more weights have them in int8, one scale per output channel.
    """
    if optimize == "fast":
        return QuantizedGraph(graph, {})
    with torch_threads(1), torch.inference_mode():
        reason = objection(graph, torch.from_numpy(calibration.images.first(_PROOF_IMAGES)))
        if reason is not None:
            return QuantizedGraph(graph, {}, _uncorrected(reason))
        images = images_for_biases(calibration.images)
        biases = corrected_graph_biases(
            graph, {}, images, per_channel_linear=True, weights_above=weights_above
        )
        return QuantizedGraph(with_constants(graph, biases), {})


def _uncorrected(reason: str | None) -> tuple[str, ...]:
    return () if reason is None else (f"biases are not corrected: {reason}",)
