"""Android: Kotlin for LiteRT and MediaPipe Tasks, and what has to be in Gradle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import Template

from ca_deploy.bundle import kotlin
from ca_deploy.bundle.package import Model, Package
from ca_deploy.bundle.signature import Signature, signature_of
from ca_deploy.errors import UserError
from ca_deploy.images import shorter_side

LITERT = "com.google.ai.edge.litert:litert:2.2.0"
MEDIAPIPE = "com.google.mediapipe:tasks-vision:1.0.0"

_PREFERRED = "model_uint8.tflite"

_README = Template("""\
# $name for Android

$description

| | |
| --- | --- |
| model | `$file`, $megabytes MB |
| input | $input |
| output | $output |
| accuracy kept | $parity |
| oldest runtime | TensorFlow Lite $min_runtime |
| oldest Android | 7 (API level 24), for the libraries below |
| license of the weights | $license |

Copy `$file`$and_labels to `app/src/main/assets/`, and into `app/build.gradle.kts`:

```kotlin
android {
    androidResources { noCompress += "tflite" } // the model is mapped, not unpacked
}
```

## With LiteRT

```kotlin
dependencies { implementation("$litert") }
```

`Classifier.kt` holds all of it:

```kotlin
val classifier = Classifier(context)
val (label, $value) = classifier.classify(bitmap).first()
```
$mediapipe
## The image

$image

Android's own scaling does not average over the pixels that it leaves out, as training did: a photograph
that is many times larger than the input is better scaled down in steps of two first.

`manifest.json` names every file with its sha256. The Kotlin compiles against the documented calls of
these libraries; it was not run on a phone before it was put here.
""")

_MEDIAPIPE_SECTION = Template("""
## With MediaPipe Tasks

```kotlin
dependencies { implementation("$dependency") }
```

`MediaPipeClassifier.kt` holds all of it. Labels and normalisation are in the model; MediaPipe stretches the
whole image to $width x $height pixels$instead.
""")


def usable(model: Model) -> bool:
    """Whether LiteRT runs it."""
    return model.path.suffix == ".tflite"


def preferred(models: Sequence[Model]) -> tuple[Model, ...]:
    """The one that camera bytes go into, or else the first that takes pixels, or the first."""
    named = [model for model in models if model.name == _PREFERRED]
    taking_pixels = [model for model in models if model.interface == "pixels"]
    return (*named, *taking_pixels, *models)[:1]


def files(package: Package) -> Mapping[str, str]:
    """README.md and Kotlin; see `Platform.files`."""
    if len(package.models) != 1:
        names = ", ".join(model.name for model in package.models)
        raise UserError(f"--model: an Android bundle holds one model, not {len(package.models)} ({names})")
    (model,) = package.models
    signature = signature_of(model.path)
    spec = package.recipe.input
    labels = package.labels is not None
    written = {
        "README.md": _readme(package, model, signature),
        "Classifier.kt": kotlin.litert_classifier(model.name, signature, model.interface, spec, labels),
    }
    if model.interface == "pixels":
        written["MediaPipeClassifier.kt"] = kotlin.mediapipe_classifier(model.name, spec)
    return written


def _readme(package: Package, model: Model, signature: Signature) -> str:
    recipe, pixels = package.recipe, model.interface == "pixels"
    height, width = recipe.input.size
    image = f"{signature.image.dtype} (1, {height}, {width}, 3), RGB"
    cropped = recipe.input.crop == "center"
    section = _MEDIAPIPE_SECTION.substitute(
        dependency=MEDIAPIPE,
        width=width,
        height=height,
        instead=", without the crop below" if cropped else "",
    )
    return _README.substitute(
        name=recipe.name,
        description=recipe.description or "An image classifier.",
        file=model.name,
        megabytes=f"{model.path.stat().st_size / 1e6:.2f}",
        input=f"{image} pixels from 0 to 255" if pixels else f"{image}, {_normalised(package)}",
        output=f"{signature.row.dtype} (1, {signature.classes}), {'scores' if pixels else 'logits'}",
        parity=model.parity,
        min_runtime=model.facts["min_runtime"],
        license=recipe.license or "not stated in the recipe",
        and_labels=" and `labels.txt`" if package.labels else "",
        litert=LITERT,
        value="score" if pixels else "logit",
        mediapipe=section if pixels else "",
        image=f"The shorter side becomes {shorter_side(recipe.input)} pixels and {width} x {height} of its "
        "middle are used, as in training."
        if cropped
        else f"The whole image is stretched to {width} x {height} pixels, as in training.",
    )


def _normalised(package: Package) -> str:
    spec = package.recipe.input
    return f"(pixel / 255 - mean) / std with mean {list(spec.mean)} and std {list(spec.std)}"
