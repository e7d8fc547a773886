"""A MIL program as an .mlpackage: precision, weights, the interface, and what it says of itself."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ca_deploy.exporters.coreml.dead_channels import GIVE_SCALES
from ca_deploy.exporters.coreml.program import IMAGE, SCORES, TARGET
from ca_deploy.runtimes.coreml_tools import LOGITS, ct, quiet

_LABEL = "classLabel"
_LABEL_SCORES = "classLabel_probs"
_WEIGHTS = "compression::linear_quantize_weights"
_OURS = "com.github.apple.coremltools."  # what coremltools says of itself, the day of the conversion among it


@dataclass(frozen=True)
class Description:
    """What Xcode and apps read of a model.

    Attributes:
        text: one or two sentences.
        version: of the weights.
        author: whose they are.
        license: an SPDX identifier.
        labels: class names in the order of the logits, or None.
        facts: further entries by key.
    """

    text: str
    version: str
    author: str
    license: str
    labels: Sequence[str] | None
    facts: Mapping[str, str]


def write_package(path: Path, program: Any, description: Description, int8_weights_above: int | None) -> None:
    """Convert a program to float16 and save it; equal programs give equal files.

    With labels the model is a classifier: `classLabel`, and a score for each label. Without, it gives scores
    as an array. Either way it also gives the logits.

    Args:
        path: where to write the package, a folder.
        program: from `mil_program`, a new one for each package.
        description: what the package says of itself.
        int8_weights_above: store weights of layers with more than so many as int8, symmetric, one scale per
            output channel; None: no weights.
    """
    shape = tuple(program.functions["main"].inputs[IMAGE].shape)
    labels = description.labels
    classifier = None if labels is None else ct.ClassifierConfig(list(labels), _LABEL, SCORES)
    with quiet():
        model = ct.convert(
            program,
            source="milinternal",
            convert_to="mlprogram",
            inputs=[ct.ImageType(name=IMAGE, shape=shape, color_layout=ct.colorlayout.RGB)],
            classifier_config=classifier,
            compute_precision=ct.precision.FLOAT16,
            minimum_deployment_target=TARGET,
            skip_model_load=True,
            pass_pipeline=_passes(int8_weights_above),
        )
        _describe(model, description)
        model.save(str(path))
    _make_repeatable(path)


def _passes(int8_weights_above: int | None) -> Any:
    """Apple's own passes, and the one that stores weights as int8 behind them.

    It is the pass inside `coremltools.optimize.coreml.linear_quantize_weights`, which cannot be called
    itself: it does not read a classifier back.
    """
    passes = ct.PassPipeline.DEFAULT
    if int8_weights_above is not None:
        from coremltools.optimize import coreml as optimize

        linear = optimize.OpLinearQuantizerConfig(
            mode="linear_symmetric", dtype="int8", weight_threshold=int8_weights_above
        )
        passes.append_pass(_WEIGHTS)
        passes.append_pass(GIVE_SCALES)
        passes.set_options(_WEIGHTS, {"config": optimize.OptimizationConfig(global_config=linear)})
    return passes


def _describe(model: Any, description: Description) -> None:
    spec = model.get_spec()
    model.short_description = description.text
    model.version = description.version
    model.author = description.author
    model.license = description.license
    for key in [key for key in model.user_defined_metadata if key.startswith(_OURS)]:
        del model.user_defined_metadata[key]
    model.user_defined_metadata.update(description.facts)
    meanings = {
        IMAGE: "The pixels, RGB; the normalisation is in the model",
        LOGITS: "The network's own outputs, before softmax",
        SCORES: "Probability of each class",
        _LABEL: "The most probable class",
        _LABEL_SCORES: "Probability of each class, by its label",
    }
    model.input_description[IMAGE] = meanings[IMAGE]
    for output in spec.description.output:
        if output.name in meanings:
            model.output_description[output.name] = meanings[output.name]


def _make_repeatable(path: Path) -> None:
    """Name the package's items after what they are: coremltools gives each a random identifier."""
    manifest_path = path / "Manifest.json"
    manifest = json.loads(manifest_path.read_text("utf-8"))
    new = {
        old: str(uuid.uuid5(uuid.NAMESPACE_URL, item["path"])).upper()
        for old, item in manifest["itemInfoEntries"].items()
    }
    items = sorted(manifest["itemInfoEntries"].items(), key=lambda entry: entry[1]["path"])
    manifest["itemInfoEntries"] = {new[old]: item for old, item in items}
    manifest["rootModelIdentifier"] = new[manifest["rootModelIdentifier"]]
    manifest_path.write_text(json.dumps(manifest, indent=4) + "\n", "utf-8")
