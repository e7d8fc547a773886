"""What an export starts from: the network with its weights, and the images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ca_deploy.artifact import sha256_file
from ca_deploy.errors import UserError
from ca_deploy.plan import Plan, check_pixels
from ca_deploy.precisions import needs_calibration
from ca_deploy.progress import Progress
from ca_deploy.recipe import Recipe

if TYPE_CHECKING:
    from torch import nn

    from ca_deploy.quantization.calibration import Calibration
    from ca_deploy.quantization.calibration_set import ImageSet, ImageSplit


@dataclass(frozen=True)
class LoadedNetwork:
    """The network of a plan and where its weights came from.

    Attributes:
        module: in evaluation mode.
        origin: path, sha256, layout and architecture for the manifest.
    """

    module: nn.Module
    origin: dict[str, Any]


def network(plan: Plan, progress: Progress) -> LoadedNetwork:
    """Build the plan's network and load its weights.

    Raises:
        UserError: when the checkpoint or the factory cannot be used, or contradicts the recipe.
    """
    progress.step("Loading the network")
    from ca_deploy import networks

    if plan.factory is not None:
        module = networks.load_factory(plan.factory)
        origin: dict[str, Any] = {"factory": plan.factory}
        if plan.weights is not None:
            networks.load_user_weights(module, plan.weights)
            origin |= {"path": str(plan.weights.resolve()), "sha256": sha256_file(plan.weights)}
        return LoadedNetwork(module.eval(), origin)
    assert plan.weights is not None
    checkpoint = networks.read_checkpoint(plan.weights)
    spec = plan.recipe.network
    source = f"recipe {plan.recipe.name}"
    stated = networks.StatedArchitecture(source, spec.attention, spec.width, spec.classes)
    module = networks.build_network(checkpoint, stated)
    check_labels(plan.recipe, checkpoint.architecture.classes)
    origin = {
        "path": str(plan.weights.resolve()),
        "sha256": checkpoint.sha256,
        "layout": checkpoint.layout,
        "attention": checkpoint.architecture.attention,
        "width": checkpoint.architecture.width,
        "classes": checkpoint.architecture.classes,
    }
    return LoadedNetwork(module, origin)


def check_labels(recipe: Recipe, classes: int) -> None:
    """Compare the recipe's labels with the network's classes.

    Raises:
        UserError: when it has another number of them.
    """
    labels = recipe.label_names()
    if labels is not None and len(labels) != classes:
        raise UserError(
            f"recipe {recipe.name} has {len(labels)} labels, but the network has {classes} classes; "
            "correct the recipe's `labels`"
        )


def images(plan: Plan, progress: Progress) -> ImageSplit:
    """Split the images into those that calibrate and those that parity is measured on.

    Raises:
        UserError: when there are too few, or a format of the plan wants others.
    """
    progress.step("Reading images")
    from ca_deploy.quantization.calibration_set import split_images

    spec = plan.recipe.calibration
    split = split_images(
        plan.images, plan.recipe.input, plan.seed, spec.count, spec.parity, progress=progress
    )
    if plan.precisions_in("coreml"):
        check_pixels(plan, split.parity.are_pixels())
    return split


def calibration(plan: Plan, loaded: LoadedNetwork, images: ImageSet, progress: Progress) -> Calibration:
    """What int8 is calibrated on."""
    from ca_deploy.quantization.calibration import Calibration, calibration_of

    if not needs_calibration(plan.precisions) or plan.optimize == "fast":
        return Calibration(images)
    progress.step("Looking for the network's limits")
    return calibration_of(loaded.module, images, progress)


def image_warnings(plan: Plan, split: ImageSplit) -> list[str]:
    """What the user must know about the images."""
    found = [] if split.warning is None else [split.warning]
    if plan.made_from is not None and set(split.calibration.identities) != set(plan.made_from.calibration):
        found.append(f"calibrated on other images than {plan.made_from.folder} was")
    if split.skipped:
        first = split.skipped[0]
        found.append(f"{len(split.skipped)} broken images were skipped, such as {first}")
    return found
