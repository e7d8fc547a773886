"""Biases that make up for what rounding the weights does to the mean of each channel."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from ca_deploy.quantization.ranges import measure_means
from ca_deploy.quantization.simulation import Simulation
from ca_deploy.quantization.simulation.operators import KERNELS
from ca_deploy.quantization.simulation.simulation import rounded_weights
from ca_deploy.quantization.tflite_model import TFLiteModel

_FAR = 2.0
"""Times its own size: how far the mean over images may be from what batch normalization states of it. Trained
networks stay within 1, also on images of another kind; without training, or with statistics that are not the
weights' own, it may be thousands, and what is corrected by such a mean is worse than what is not."""


def correct_weight_errors(
    data: bytes,
    stated: Mapping[str, NDArray[np.float64]],
    batches: Iterable[NDArray[np.float32]],
    threads: int,
) -> bytes:
    """Move the biases of a float32 .tflite so that rounding its weights to int8 leaves every channel's mean.

    A layer with weights W + E in place of W gives E[x] * E more on average, which its bias takes back (Nagel
    et al., ICCV 2019, section 4.2). What the mean input E[x] is, batch normalization states for some tensors
    (section 4.2.1: analytic); for all others, and where images contradict the statement, it is measured
    (empirical), position by position, so that borders count as they are. Only for files whose activations are
    not rounded, or finely: it leaves out what that does to means (see `corrected_biases`).

    Args:
        data: the float32 file; its weights stay float32.
        stated: mean of each channel (C) by the name of the tensor.
        batches: calibration images (N, 3, H, W).
        threads: how many images run at the same time.
    """
    simulation = Simulation(data)
    model, constants = simulation.model, simulation.constants
    layers = [
        (operator, rule, weights, bias)
        for place, (weights, bias) in simulation.weighted().items()
        if (rule := simulation.rules[place])
        and model.kind(operator := simulation.operators[place]) in KERNELS
    ]
    sources = {int(operator.inputs[rule.data]) for operator, rule, _, _ in layers}
    means = measure_means(data, sorted(sources), batches, threads)
    for index, mean in _stated_maps(model, sources, stated).items():
        if np.linalg.norm(mean - means[index]) <= _FAR * np.linalg.norm(means[index]):
            means[index] = mean
    for operator, rule, weights, bias in layers:
        inputs = [int(index) for index in operator.inputs]
        error = rounded_weights(constants[weights], rule.axis) - constants[weights]
        average = torch.tensor(means[inputs[rule.data]], dtype=torch.float32)
        (more,) = KERNELS[model.kind(operator)]([average, error, None], operator.builtinOptions)
        corrected = constants[bias] - more.flatten(0, -2).mean(0)
        inputs[rule.bias] = model.add_constant(bias, "/corrected", corrected.numpy(), None)
        operator.inputs = inputs
    return model.dump()


def _stated_maps(
    model: TFLiteModel, sources: Collection[int], stated: Mapping[str, NDArray[np.float64]]
) -> dict[int, NDArray[np.float64]]:
    """The mean of every value of these tensors, in their shape, where it is stated; borders are zeros."""
    maps = {}
    pads = {int(op.outputs[0]): op for op in model.operators if model.kind(op) == "PAD"}
    for index in sources:
        pad = pads.get(index)
        inner = index if pad is None else int(pad.inputs[0])
        border = 0 if pad is None else model.constant(int(pad.inputs[1]))
        mean = stated.get(model.name(inner))
        if mean is not None and border is not None:
            maps[index] = np.pad(np.broadcast_to(mean, model.shape(inner)), border)
    return maps
