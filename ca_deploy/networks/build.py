"""The network that a checkpoint and the stated architecture agree on."""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass

import torch
from torch import nn

from ca_deploy.errors import UserError
from ca_deploy.networks.attention import ATTENTIONS
from ca_deploy.networks.checkpoints import Checkpoint
from ca_deploy.networks.mobilenet_v2 import Architecture, MobileNetV2, channel_counts

UNTRAINED_SEED = 0


@dataclass(frozen=True)
class StatedArchitecture:
    """What a recipe says about the network; what it leaves open is None.

    Attributes:
        source: where it is stated, for messages: a file or an option.
        attention: a name in `ATTENTIONS`.
        width: multiplier of all channel counts.
        classes: number of logits.
    """

    source: str
    attention: str | None = None
    width: float | None = None
    classes: int | None = None


def build_network(checkpoint: Checkpoint | None, stated: StatedArchitecture) -> nn.Module:
    """Build MobileNetV2 in evaluation mode, with the checkpoint's weights or else untrained.

    Untrained networks are the same every time; what is not stated is then the published network's.

    Raises:
        UserError: when a stated value is impossible, or the checkpoint's tensors contradict it.
    """
    _check_possible(stated)
    if checkpoint is None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(UNTRAINED_SEED)
            return _network(_completed(stated)).eval()
    _check_agreement(checkpoint, stated)
    network = _network(checkpoint.architecture)
    network.load_state_dict(checkpoint.state_dict, strict=False)  # lacks num_batches_tracked only
    return network.eval()


def _network(architecture: Architecture) -> MobileNetV2:
    return MobileNetV2(architecture.attention, architecture.width, architecture.classes)


def _completed(stated: StatedArchitecture) -> Architecture:
    published = Architecture()
    return Architecture(
        attention=published.attention if stated.attention is None else stated.attention,
        width=published.width if stated.width is None else stated.width,
        classes=published.classes if stated.classes is None else stated.classes,
    )


def _check_possible(stated: StatedArchitecture) -> None:
    completed = _completed(stated)
    if completed.attention not in ATTENTIONS:
        nearest = difflib.get_close_matches(completed.attention, ATTENTIONS, n=1)
        meant = f"did you mean {nearest[0]}?" if nearest else f"choose one of {', '.join(ATTENTIONS)}"
        raise UserError(f"{stated.source}: unknown attention {completed.attention!r}: {meant}")
    if not (math.isfinite(completed.width) and completed.width > 0):
        raise UserError(
            f"{stated.source}: width {completed.width:g} is impossible: give one above 0, such as 1.0"
        )
    if completed.classes < 1:
        raise UserError(f"{stated.source}: {completed.classes} classes are impossible: give 1 or more")


def _check_agreement(checkpoint: Checkpoint, stated: StatedArchitecture) -> None:
    """Compare what is stated with the tensors; widths that round to the same channels agree."""
    tensors = checkpoint.architecture
    contradictions = []
    if stated.attention not in (None, tensors.attention):
        contradictions.append(f"attention {stated.attention} but the tensors have {tensors.attention}")
    if stated.width is not None and channel_counts(stated.width) != channel_counts(tensors.width):
        contradictions.append(f"width {stated.width:g} but the tensors have {tensors.width:g}")
    if stated.classes not in (None, tensors.classes):
        contradictions.append(f"{stated.classes} classes but the tensors have {tensors.classes}")
    if contradictions:
        raise UserError(
            f"{stated.source} contradicts {checkpoint.path}: it states {'; '.join(contradictions)}: "
            "correct it, or give the checkpoint that belongs to it"
        )
