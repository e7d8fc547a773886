"""From what a file holds to one flat mapping of plain tensors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from ca_deploy.errors import UserError
from ca_deploy.networks.checkpoints.differences import some
from ca_deploy.networks.checkpoints.files import load

ENTRIES = ("state_dict", "model_state_dict", "model", "net", "ema", "model_ema", "state_dict_ema")
"""Where training scripts put the weights. The first one that is there counts: an exponential moving average
is read only where it is alone, so that a file that holds both gives the weights that were trained."""

WRAPPERS = ("module.", "_orig_mod.", "model.")
"""Prefixes that DataParallel, torch.compile and a Lightning module leave on every key."""


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read the weights of a checkpoint under the keys that they have there.

    Counters that inference does not need (see `is_counter`) are left out.

    Raises:
        UserError: when the file is no checkpoint, holds no weights or anything but weights, or not all are
            finite.
    """
    entries = _weights(load(path), path)
    if foreign := [str(key) for key, value in entries.items() if not _is_named_tensor(key, value)]:
        raise UserError(
            f"{path} holds more than plain tensors ({some(foreign)}): "
            "save only the weights, torch.save(network.state_dict(), path)"
        )
    tensors = {key: tensor for key, tensor in entries.items() if not is_counter(key)}
    if infinite := [key for key, tensor in tensors.items() if not _is_finite(tensor)]:
        raise UserError(f"{path} has NaN or infinite weights ({some(infinite)}): use an earlier one")
    return tensors


def is_counter(key: str) -> bool:
    """Whether the entry only counts training steps, of batch normalization or of a moving average."""
    return key == "n_averaged" or key.rpartition(".")[2] == "num_batches_tracked"


def unwrapped(tensors: Mapping[str, Tensor]) -> list[Mapping[str, Tensor]]:
    """The tensors as they are, then without one after another of the prefixes that all keys share."""
    stages = [tensors]
    while tensors and (shared := [w for w in WRAPPERS if all(key.startswith(w) for key in stages[-1])]):
        stages.append({key.removeprefix(shared[0]): tensor for key, tensor in stages[-1].items()})
    return stages


def _weights(loaded: object, path: Path) -> dict[str, Tensor]:
    """Descend to the mapping that holds the weights; its entries are still to be checked."""
    while isinstance(loaded, Mapping):
        nested = (loaded[name] for name in ENTRIES if isinstance(loaded.get(name), Mapping))
        inner = next(nested, None)
        if inner is None:
            break
        loaded = inner
    if isinstance(loaded, Mapping) and any(_is_weight(key, value) for key, value in loaded.items()):
        return dict(loaded)
    raise UserError(
        f"{path} holds no weights ({_what_it_holds(loaded)}): "
        "save them, torch.save(network.state_dict(), path)"
    )


def _what_it_holds(loaded: object) -> str:
    if isinstance(loaded, Mapping):
        return f"its entries are {some([str(key) for key in loaded])}" if loaded else "it is an empty mapping"
    return f"it is a {type(loaded).__name__}"


def _is_weight(key: object, value: object) -> bool:
    return isinstance(value, Tensor) and not is_counter(str(key))


def _is_named_tensor(key: object, value: object) -> bool:
    """Whether it is a dense tensor with a name and values: not sparse, quantized or on the meta device."""
    return (
        isinstance(key, str)
        and isinstance(value, Tensor)
        and value.layout is torch.strided
        and value.device.type == "cpu"
        and not value.is_quantized
    )


def _is_finite(tensor: Tensor) -> bool:
    """Whether all values stay finite in float32, the precision that networks are read in."""
    return not tensor.is_floating_point() or bool(torch.isfinite(tensor.float()).all())
