"""Adversarial neighbours of the calibration images, which show how far a network's activations can go.

A network may have a regime that few images reach: the one that ships answers one kind of ship, 2.5 % of the
images that it was made for, with attention gates and residual sums several times beyond those of all others.
A hundred calibration images may hold none of them, and ranges without them clip and cost 10 dB. A few grey
levels in the direction of the gradient reach such regimes from ordinary images.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from ca_deploy.progress import Progress
from ca_deploy.quantization.calibration_set import ImageSet
from ca_deploy.runtimes.torch_threads import torch_threads

_COUNT = 32
"""On the trained CIFAR-10 network twice as many gain less than 0.2 dB."""
_STEPS = 8
"""Grey levels that a pixel may move. With 5, one of nine calibration sets did not reach every regime; 16 gain
0.3 dB more when the calibration images are unlike those that the network will see."""
_GREY_LEVELS = 255
_BATCH = 8  # images whose gradients are in memory at once


def adversarial_images(network: nn.Module, images: ImageSet, progress: Progress) -> NDArray[np.float32]:
    """Images close to the given ones, each surer of one class than the image that it starts from.

    Iterative targeted fast gradient sign (Kurakin, Goodfellow and Bengio, "Adversarial examples in the
    physical world", 2017), with the logit itself as the objective: for every class in turn, from the image
    whose logit is the largest already. The same images give the same neighbours.

    Args:
        network: takes (N, 3, H, W) and gives logits, in its first output, whatever their shape.
        images: the calibration set; a step is 1/255 of the range of each of its colour channels.
        progress: shows the batches done.

    Returns:
        float32 (N, 3, H, W), N at most 32.

    Raises:
        RuntimeError: from PyTorch, when the network gives no gradient.
    """
    with torch_threads(1):
        logits = torch.cat([_logits(network, torch.from_numpy(batch)) for batch in images.batches(_BATCH)])
        pairs = _surest(logits, _COUNT)
        sources = torch.from_numpy(images.only([image for image, _ in pairs]))
        targets = torch.tensor([target for _, target in pairs])
        low, high = (limit(sources.transpose(0, 1).flatten(1), 1) for limit in (torch.amin, torch.amax))
        starts = progress.track(
            range(0, len(pairs), _BATCH), -(-len(pairs) // _BATCH), "batches of adversarial images"
        )
        found = [
            _neighbours(network, sources[i : i + _BATCH], targets[i : i + _BATCH], low, high) for i in starts
        ]
    return torch.cat(found).numpy()


def _logits(network: nn.Module, images: Tensor) -> Tensor:
    with torch.inference_mode():
        return _first_output(network, images)


def _first_output(network: nn.Module, images: Tensor) -> Tensor:
    """(N, outputs)."""
    output: Tensor = tree_leaves(network(images))[0]
    return output.flatten(1)


def _surest(logits: Tensor, count: int) -> list[tuple[int, int]]:
    """Pairs of image and class: each class with its best image, then each with its second best, and so on.

    Classes with the largest logits come first.
    """
    by_image = logits.argsort(dim=0, descending=True, stable=True)
    classes = logits.amax(0).argsort(dim=0, descending=True, stable=True)[:count]
    rounds = -(-count // len(classes))
    pairs = [(int(row[target]), int(target)) for row in by_image[:rounds] for target in classes]
    return pairs[:count]


def _neighbours(network: nn.Module, images: Tensor, targets: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Images moved by single grey levels; `low` and `high` (3,) bound each channel."""
    low, high = low[:, None, None], high[:, None, None]
    for _ in range(_STEPS):
        images = images.detach().requires_grad_()
        wanted = _first_output(network, images).gather(1, targets[:, None]).sum()
        (gradient,) = torch.autograd.grad(wanted, images)
        moved = images.detach() + gradient.sign() * (high - low) / _GREY_LEVELS
        images = torch.minimum(torch.maximum(moved, low), high)
    return images.detach()
