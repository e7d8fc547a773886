"""`python -m benchmarks.train_sibling ATTENTION`: the network that ships with another attention, trained.

MobileNetV2 carries one of four attention blocks here, and trained weights ship for one only. What int8 costs
can be told on trained weights, so this makes some for the other three, in minutes on a processor: every layer
but the attention starts from the weights that ship, and all are trained on a folder of classes.
"""

from __future__ import annotations

import math
import sys
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import torch.nn.functional as F
import typer
from torch import Tensor, nn

from ca_deploy.errors import CaDeployError, UserError
from ca_deploy.images import Preprocessing, Skipped, find_images, load_pixels
from ca_deploy.networks import (
    MobileNetV2,
    StatedArchitecture,
    build_network,
    read_checkpoint,
    save_checkpoint,
)
from ca_deploy.recipe import load_recipe

RECIPE = "ca_mobilenetv2_cifar10"
_BATCH = 64
_MOMENTUM, _DECAY, _SMOOTHING = 0.9, 5e-4, 0.05
_WARM_UP = 0.1  # share of the steps
_SHIFT = 6  # pixels of 64


def main(
    attention: Annotated[str, typer.Argument(metavar="none|se|cbam", help="The block to train.")],
    data: Annotated[Path, typer.Option(help="Folder of training images, one folder per class.")],
    out: Annotated[Path, typer.Option(help="Checkpoint to write, .safetensors.")],
    images: Annotated[int, typer.Option(help="How many to train on, of every class alike.")] = 50_000,
    epochs: Annotated[int, typer.Option(help="How often each is seen.")] = 1,
    rate: Annotated[float, typer.Option(help="Highest learning rate.")] = 0.02,
    threads: Annotated[int, typer.Option(help="Of PyTorch.")] = 1,
    seed: Annotated[int, typer.Option(help="Of the choice, order and changes of images.")] = 0,
) -> None:
    """Train MobileNetV2 0.5 at 64 pixels with another attention."""
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    recipe = load_recipe(RECIPE)
    weights, labels = recipe.weights_path(), recipe.label_names()
    assert weights is not None
    assert labels is not None
    network = _started(weights, attention)
    pixels, classes = _read(data, labels, images, recipe.input, seed)
    _train(network, pixels, classes, epochs, rate, recipe.input)
    save_checkpoint(network.eval(), out)
    print(f"{out}: trained on {len(pixels)} images, epochs: {epochs}")


def _started(weights: Path, attention: str) -> MobileNetV2:
    """The network with the trained weights wherever it has the same layers."""
    checkpoint = read_checkpoint(weights)
    trained = build_network(checkpoint, StatedArchitecture(str(weights)))
    network = MobileNetV2(attention, checkpoint.architecture.width, checkpoint.architecture.classes)
    for ours, theirs in zip(_shared_layers(network), _shared_layers(trained), strict=True):
        ours.load_state_dict(theirs.state_dict())
    return network


def _shared_layers(network: nn.Module) -> list[nn.Module]:
    """Layers outside of attention, in order: attention moves the numbers of those behind it."""
    layers: list[nn.Module] = []
    for module in network.children():
        if isinstance(module, nn.Conv2d | nn.BatchNorm2d | nn.Linear):
            layers.append(module)
        elif type(module).__module__ != "ca_deploy.networks.attention":
            layers += _shared_layers(module)
    return layers


def _read(
    data: Path, labels: tuple[str, ...], wanted: int, spec: Preprocessing, seed: int
) -> tuple[Tensor, Tensor]:
    """Pixels, uint8 (N, H, W, 3), and classes of images from all folders alike, in random order."""
    random = np.random.default_rng(seed)
    chosen: list[tuple[Path, int]] = []
    for number, label in enumerate(labels):
        paths = find_images(data / label)
        if not paths:
            raise UserError(f"{data / label}: no images; --data takes a folder with one folder per class")
        chosen += [(paths[i], number) for i in random.permutation(len(paths))[: wanted // len(labels)]]
    random.shuffle(chosen)
    found = zip(load_pixels((path for path, _ in chosen), spec), chosen, strict=True)
    good = [(image, number) for image, (_, number) in found if not isinstance(image, Skipped)]
    pixels, classes = zip(*good, strict=True)
    return torch.from_numpy(np.stack(pixels)), torch.tensor(classes)


def _train(
    network: nn.Module, pixels: Tensor, classes: Tensor, epochs: int, rate: float, spec: Preprocessing
) -> None:
    """Stochastic gradient descent with momentum."""
    network.train().to(memory_format=torch.channels_last)
    batches = [range(start, start + _BATCH) for start in range(0, len(pixels) - _BATCH + 1, _BATCH)] * epochs
    descent = torch.optim.SGD(network.parameters(), rate, _MOMENTUM, weight_decay=_DECAY, nesterov=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(descent, lambda step: _share(step / len(batches)))
    begin = time.monotonic()
    for step, batch in enumerate(batches, start=1):
        images, wanted = _changed(pixels[batch], spec), classes[batch]
        loss = F.cross_entropy(network(images), wanted, label_smoothing=_SMOOTHING)
        descent.zero_grad()
        loss.backward()
        descent.step()
        schedule.step()
        if step % 50 == 0:
            seconds = time.monotonic() - begin
            print(f"{step}/{len(batches)} batches, loss {loss.item():.3f}, {seconds:.0f} s", flush=True)


def _share(done: float) -> float:
    """Share of the highest rate when this much, 0 to 1, is done: it rises evenly and falls as a cosine."""
    if done < _WARM_UP:
        return done / _WARM_UP
    return (1 + math.cos(math.pi * (done - _WARM_UP) / (1 - _WARM_UP))) / 2


def _changed(pixels: Tensor, spec: Preprocessing) -> Tensor:
    """Normalised float32 (N, 3, H, W): half of the images mirrored, each shifted by some pixels."""
    images = pixels.permute(0, 3, 1, 2).float() / 255
    mean, std = (torch.tensor(values)[:, None, None] for values in (spec.mean, spec.std))
    images = (images - mean) / std
    mirrored = torch.rand(len(images)) < 0.5
    images[mirrored] = images[mirrored].flip(3)
    padded = F.pad(images, [_SHIFT] * 4)
    height, width = images.shape[2:]
    corners = torch.randint(0, 2 * _SHIFT + 1, (len(images), 2)).tolist()
    shifted = [one[:, y : y + height, x : x + width] for one, (y, x) in zip(padded, corners, strict=True)]
    return torch.stack(shifted).contiguous(memory_format=torch.channels_last)


if __name__ == "__main__":
    try:
        typer.run(main)
    except CaDeployError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(error.exit_status)
