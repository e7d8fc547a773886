"""Make the subject of a benchmark from a recipe and, where it has none, untrained weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from benchmarks.environments import digest
from benchmarks.subject import WEIGHTS, Subject
from ca_deploy import stages
from ca_deploy.networks import Architecture, save_checkpoint, untrained_network
from ca_deploy.plan import Options, Plan, resolve
from ca_deploy.progress import Progress, Silent
from ca_deploy.runtimes.cache import cached

_SEED = 0
_SETTLING = 32  # images whose statistics the batch normalization of untrained weights takes
_CLASSES = 1000


@dataclass(frozen=True)
class Wanted:
    """What to benchmark.

    Attributes:
        recipe: name of one that ships, or a TOML file.
        weights: a checkpoint; None for the recipe's own, and untrained weights where it has none.
        width: of untrained weights.
        size: of the input, `224` or `160x320`; None for the recipe's.
    """

    recipe: str
    weights: Path | None = None
    width: float = 1.0
    size: str | None = None


def make_subject(wanted: Wanted, progress: Progress) -> Subject:
    """The subject, made when it is first asked for and kept under the digest of all that it depends on.

    Raises:
        UserError: when the recipe or the weights cannot be used.
    """
    progress.step(f"Preparing {wanted.recipe}, width {wanted.width:g}, input {wanted.size or 'as it says'}")
    plan = _plan(wanted)
    split = stages.images(plan, progress)
    network = _network(plan, wanted, torch.from_numpy(split.calibration.first(_SETTLING)))

    def make(folder: Path) -> None:
        save_checkpoint(network, folder / WEIGHTS)
        np.save(folder / "calibration", split.calibration.first(len(split.calibration)))
        np.save(folder / "parity", split.parity.first(len(split.parity)))
        loaded = stages.LoadedNetwork(network, {})
        np.save(folder / "reference", stages.reference(plan, loaded, split.parity, Silent()))

    weights = (tensor.numpy().tobytes().hex() for tensor in network.state_dict().values())
    identities = (*split.calibration.identities, *split.parity.identities)
    name = digest(plan.recipe.input.model_dump_json(), *identities, *weights)
    return Subject(wanted.recipe, cached(f"benchmarks/subjects/{name}", make))


def _plan(wanted: Wanted) -> Plan:
    weights = wanted.weights or _own_weights(wanted.recipe) or Path(WEIGHTS)
    return resolve(Options(recipe=wanted.recipe, weights=weights, input_size=wanted.size, seed=_SEED))


def _own_weights(recipe: str) -> Path | None:
    from ca_deploy.recipe import load_recipe

    return load_recipe(recipe).weights_path()


def _network(plan: Plan, wanted: Wanted, images: torch.Tensor) -> nn.Module:
    if plan.weights != Path(WEIGHTS):
        return stages.network(plan, Silent()).module
    spec = plan.recipe.network
    architecture = Architecture(spec.attention or "ca", wanted.width, spec.classes or _CLASSES)
    return untrained_network(architecture, images, _SEED)
