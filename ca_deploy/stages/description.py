"""What a .tflite says of itself: metadata for Android's tools, labels, and the oldest runtime."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ca_deploy.artifact import Artifact, Interface, sha256_file
from ca_deploy.plan import Plan

if TYPE_CHECKING:
    from ca_deploy.bundle.tflite_metadata import ImageTensor, ModelCard, OutputTensor
    from ca_deploy.quantization.tflite_model import TFLiteModel


def written_with_metadata(plan: Plan, artifact: Artifact, data: bytes) -> Artifact:
    """Write a .tflite to the artifact's place: the plan's batch, metadata in it, labels appended.

    Raises:
        UserError: the network cannot take that many images at once.
    """
    from ca_deploy.bundle import tflite_metadata
    from ca_deploy.quantization import runtime_versions
    from ca_deploy.quantization.batch import with_batch
    from ca_deploy.quantization.tflite_model import TFLiteModel

    oldest = runtime_versions.oldest_runtime(data)
    labels = plan.recipe.label_names()
    model = TFLiteModel(with_batch(data, plan.batch))
    model.set_metadata(runtime_versions.ENTRY, runtime_versions.entry(oldest))
    model.set_metadata(
        tflite_metadata.ENTRY,
        tflite_metadata.metadata(
            _card(plan), _image(plan, artifact.interface), _outputs(model, artifact.interface, labels)
        ),
    )
    files = {} if labels is None else {tflite_metadata.LABELS: tflite_metadata.label_file(labels)}
    artifact.path.write_bytes(tflite_metadata.with_files(model.dump(), files))
    return replace(artifact, min_runtime=runtime_versions.dotted(oldest))


def _card(plan: Plan) -> ModelCard:
    from ca_deploy.bundle.tflite_metadata import ModelCard

    recipe = plan.recipe
    return ModelCard(recipe.name, recipe.description, model_version(plan), recipe.author, recipe.license)


def model_version(plan: Plan) -> str:
    """The recipe's version, or else what identifies the weights."""
    version = plan.recipe.version
    if not version and plan.weights is not None:
        return f"weights {sha256_file(plan.weights)[:12]}"
    return version


def _image(plan: Plan, interface: Interface) -> ImageTensor:
    from ca_deploy.bundle.tflite_metadata import ImageTensor

    spec = plan.recipe.input
    if interface == "pixels":
        return ImageTensor(spec.size, (0.0,) * 3, (1.0,) * 3)
    mean, std = (tuple(255 * value for value in values) for values in (spec.mean, spec.std))
    return ImageTensor(spec.size, mean, std)


def _outputs(model: TFLiteModel, interface: Interface, labels: tuple[str, ...] | None) -> list[OutputTensor]:
    from ca_deploy.bundle.tflite_metadata import OutputTensor
    from ca_deploy.quantization.app_interface import SCORES

    meanings = {SCORES: "Probability of each class"} if interface == "pixels" else {}
    return [
        OutputTensor(
            name, meanings.get(name, "Output of the network, before any softmax"), labels is not None
        )
        for name in model.output_names
    ]
