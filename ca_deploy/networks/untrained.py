"""Untrained networks that behave like trained ones numerically, for tests and benchmarks without weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ca_deploy.networks.mobilenet_v2 import Architecture, MobileNetV2

BATCH = 32


def untrained_network(architecture: Architecture, images: Tensor, seed: int) -> nn.Module:
    """Build MobileNetV2 with random weights and the batch normalization statistics of `images`.

    Statistics are plain averages over batches in training mode (`momentum=None`). With PyTorch's default
    momentum they stay near their start, the signal fades from layer to layer and all images get the same
    logits, on which every figure of parity is worthless.

    Args:
        architecture: what to build.
        images: normalized RGB images, float32 (N, 3, H, W), N at least 2.
        seed: decides the weights; the global random state is left as it was.

    Returns:
        The network in evaluation mode.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = MobileNetV2(architecture.attention, architecture.width, architecture.classes)
        _measure_statistics(network, images)
    return network.eval()


def _measure_statistics(network: nn.Module, images: Tensor) -> None:
    normalizations = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [normalization.momentum for normalization in normalizations]
    for normalization in normalizations:
        normalization.momentum = None
    network.train()
    # Batches of nearly equal size: a last batch of one image would have no variance at 1x1 resolution.
    batches = torch.tensor_split(images, -(-len(images) // BATCH))
    with torch.no_grad():
        for batch in batches:
            network(batch)
    for normalization, momentum in zip(normalizations, momenta, strict=True):
        normalization.momentum = momentum
