"""Checkpoints of MobileNetV2: read from every known layout, saved in one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor, nn

from ca_deploy.errors import UserError
from ca_deploy.networks.checkpoints.differences import some
from ca_deploy.networks.checkpoints.entries import is_counter, read_tensors, unwrapped
from ca_deploy.networks.checkpoints.files import SAFETENSORS_SUFFIX, sha256
from ca_deploy.networks.checkpoints.recognition import best_reading
from ca_deploy.networks.mobilenet_v2 import Architecture


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """Weights of a MobileNetV2 and what they say about it.

    Attributes:
        path: the file that they were read from.
        sha256: of that file, in hexadecimal.
        layout: name of the layout that the file is in.
        architecture: attention, width and classes, read from the tensors.
        state_dict: float32 tensors under the keys of `MobileNetV2`, without `num_batches_tracked`.
    """

    path: Path
    sha256: str
    layout: str
    architecture: Architecture
    state_dict: Mapping[str, Tensor]


def read_checkpoint(path: Path) -> Checkpoint:
    """Read weights of MobileNetV2 in whichever layout they are.

    Nothing in the file is run. `module.` and similar prefixes are removed, and the weights are found in
    entries such as `state_dict`, `model` or `ema`; see `entries.ENTRIES` for their order.

    Raises:
        UserError: when the file is no checkpoint, is truncated, needs more than weights, has NaN or infinite
            weights, or its keys and shapes are not those of a MobileNetV2 in any known layout.
    """
    reading = best_reading(unwrapped(read_tensors(path))[-1])
    if reading.differences:
        raise UserError(
            f"{path} fits no known layout; nearest is {reading.layout.name} with {reading.architecture}: "
            f"{reading.differences}; give a complete checkpoint, or your own network with --model"
        )
    if integers := [key for key, tensor in reading.tensors.items() if not tensor.is_floating_point()]:
        raise UserError(
            f"{path} has weights that are not floating point ({some(integers)}): use the float checkpoint"
        )
    return Checkpoint(
        path=path,
        sha256=sha256(path),
        layout=reading.layout.name,
        architecture=reading.architecture,
        state_dict={key: tensor.detach().float() for key, tensor in reading.tensors.items()},
    )


def save_checkpoint(network: nn.Module, path: Path) -> None:
    """Save the weights as safetensors under the network's own keys; equal weights make equal bytes.

    Raises:
        UserError: when `path` does not end in .safetensors, by which such files are recognised.
    """
    if path.suffix != SAFETENSORS_SUFFIX:
        raise UserError(f"{path} does not end in {SAFETENSORS_SUFFIX}: name the file so")
    # Copies, because safetensors refuses tensors that share memory.
    tensors = {
        key: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for key, tensor in network.state_dict().items()
        if not is_counter(key)
    }
    path.write_bytes(save(tensors, metadata={"format": "pt"}))
