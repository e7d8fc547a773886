"""Weights for a network of the user's own."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from ca_deploy.errors import UserError
from ca_deploy.networks.checkpoints.differences import differences
from ca_deploy.networks.checkpoints.entries import is_counter, read_tensors, unwrapped


def load_user_weights(network: nn.Module, path: Path) -> None:
    """Load a checkpoint into `network`, whose keys and shapes it must have exactly.

    Containers, nested entries and prefixes are handled as in `read_checkpoint`; counters may be missing.

    Raises:
        UserError: when the file cannot be read as weights, or keys are missing, extra or misshapen.
    """
    tensors = read_tensors(path)
    shapes = {key: tensor.shape for key, tensor in network.state_dict().items() if not is_counter(key)}
    # The network may itself have a submodule `model`: what looks like a wrapper is one only if that helps.
    best = min(unwrapped(tensors), key=lambda candidate: len(differences(candidate, shapes)))
    if unfit := differences(best, shapes):
        raise UserError(
            f"{path} does not fit {type(network).__name__}: {unfit}; give a checkpoint of this network"
        )
    network.load_state_dict(best, strict=False)  # only counters are missing
