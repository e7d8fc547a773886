"""All runtimes answer each image once, while it is decoded once."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ca_deploy.errors import UserError
from ca_deploy.evaluation.noise import Logits
from ca_deploy.evaluation.tally import Tally
from ca_deploy.images import LabelledImage, LabelledImages, Preprocessing, Skipped, denormalise, normalise
from ca_deploy.progress import Progress
from ca_deploy.runtimes import Runtime

_BATCH = 32


@dataclass(frozen=True)
class Contestant:
    """An artifact that is judged.

    Attributes:
        runtime: gives its logits.
        takes_pixels: it takes pixels from 0 to 255 instead of normalised images.
    """

    runtime: Runtime
    takes_pixels: bool = False


@dataclass(eq=False)
class Judged:
    """What came of the images.

    Attributes:
        reference: the float network's answers; None without one.
        artifacts: each artifact's, in order.
        images: how many were judged.
        left_out: how many were not to be judged.
        skipped: broken images.
    """

    reference: Tally | None
    artifacts: list[Tally]
    images: int = 0
    left_out: int = 0
    skipped: list[Skipped] = field(default_factory=list)


def judge(
    reference: Runtime | None,
    artifacts: Sequence[Contestant],
    images: LabelledImages,
    spec: Preprocessing,
    leave_out: Collection[str],
    progress: Progress,
) -> Judged:
    """Let every runtime classify every image; a few images are in memory at a time.

    Args:
        reference: the float network that the artifacts are compared with, or None.
        artifacts: what is judged.
        images: with their classes.
        spec: how they are prepared.
        leave_out: identities of images that do not count.
        progress: shows the images done.

    Raises:
        UserError: when a runtime takes other images, or gives anything but one vector of logits, or does not
            know a class that an image shows.
    """
    classes = min(class_count(artifact.runtime) for artifact in artifacts)
    tallies = [Tally(class_count(artifact.runtime)) for artifact in artifacts]
    judged = Judged(None if reference is None else Tally(class_count(reference)), tallies)
    usable = _usable(progress.track(images.stream(spec), len(images), "images"), leave_out, judged)
    while chunk := list(islice(usable, _BATCH)):
        labels = np.array([image.label for image in chunk], np.int64)
        if labels.max() >= classes:
            raise UserError(f"an image is of class {labels.max()}, but there are {classes}, from 0")
        stacked: NDArray[Any] = np.stack([image.pixels for image in chunk])
        batch = normalise(stacked, spec) if stacked.dtype == np.uint8 else stacked
        expected = None
        if reference is not None and judged.reference is not None:
            expected = _logits(reference, batch)
            judged.reference.add(labels, expected, None)
        for artifact, tally in zip(artifacts, tallies, strict=True):
            taken = np.rint(denormalise(batch, spec)) if artifact.takes_pixels else batch
            tally.add(labels, _logits(artifact.runtime, taken), expected)
    return judged


def class_count(runtime: Runtime) -> int:
    """How many logits a classifier gives.

    Raises:
        UserError: when it is none.
    """
    shapes = [output.shape for output in runtime.outputs]
    if len(shapes) != 1 or len(shapes[0]) < 2 or any(size != 1 for size in shapes[0][2:]):
        raise UserError(
            f"the outputs are of shapes {shapes}: accuracy needs a classifier's, one of shape (1, classes)"
        )
    assert shapes[0][1] is not None
    return shapes[0][1]


def _usable(
    found: Iterator[LabelledImage | Skipped], leave_out: Collection[str], judged: Judged
) -> Iterator[LabelledImage]:
    for image in found:
        if isinstance(image, Skipped):
            judged.skipped.append(image)
        elif image.identity in leave_out:
            judged.left_out += 1
        else:
            judged.images += 1
            yield image


def _logits(runtime: Runtime, batch: Logits) -> Logits:
    try:
        (logits,) = runtime.run(batch)
    except ValueError as error:
        raise UserError(f"{error}; the recipe's `input.size` must be that of the artifact") from error
    return logits.reshape(len(batch), -1)
