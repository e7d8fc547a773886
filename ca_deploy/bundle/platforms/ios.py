"""iOS: a Core ML package and Swift that runs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import Template

from ca_deploy.artifact import size_of
from ca_deploy.bundle import swift
from ca_deploy.bundle.package import Model, Package
from ca_deploy.errors import UserError
from ca_deploy.images import shorter_side

_PREFERRED = "model_fp16.mlpackage"

_README = Template("""\
# $name for iOS

$description

| | |
| --- | --- |
| model | `$package`, $megabytes MB |
| needs | iOS 17, macOS 14 or later |
| input | `image`: RGB, $height x $width pixels; the normalisation is in the model |
| output | $output |
| accuracy kept | $parity |
| verified with | $verified |
| license of the weights | $license |

Drag `$package` and `Classifier.swift` into the Xcode project, with the app as their target. Xcode compiles
the package.

```swift
let classifier = try Classifier()
let best = try classifier.classify(image).first
```

## The image

$image

`manifest.json` names every file with its sha256. The Swift follows Core ML's documented calls; it was not
compiled with Xcode before it was put here.
""")


def usable(model: Model) -> bool:
    """Whether Core ML runs it."""
    return model.path.suffix == ".mlpackage"


def preferred(models: Sequence[Model]) -> tuple[Model, ...]:
    """The float16 package, which every chip runs fast, or else the first."""
    named = [model for model in models if model.name == _PREFERRED]
    return (*named, *models)[:1]


def files(package: Package) -> Mapping[str, str]:
    """README.md and Swift; see `Platform.files`."""
    if len(package.models) != 1:
        names = ", ".join(model.name for model in package.models)
        raise UserError(f"--model: an iOS bundle holds one model, not {len(package.models)} ({names})")
    (model,) = package.models
    labels = package.labels is not None
    return {
        "README.md": _readme(package, model),
        "Classifier.swift": swift.classifier(model.name, package.recipe.input, labels),
    }


def _readme(package: Package, model: Model) -> str:
    recipe = package.recipe
    height, width = recipe.input.size
    return _README.substitute(
        name=recipe.name,
        description=recipe.description or "An image classifier.",
        package=model.name,
        megabytes=f"{size_of(model.path) / 1e6:.2f}",
        width=width,
        height=height,
        output="`classLabel` and `classLabel_probs`; `logits`" if package.labels else "`scores`; `logits`",
        parity=model.parity,
        verified=model.facts["verified_with"],
        license=recipe.license or "not stated in the recipe",
        image=f"The shorter side becomes {shorter_side(recipe.input)} pixels and {width} x {height} of its "
        "middle are used, as in training."
        if recipe.input.crop == "center"
        else f"The whole image is stretched to {width} x {height} pixels, as in training.",
    )
