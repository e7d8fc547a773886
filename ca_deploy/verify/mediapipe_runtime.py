"""MediaPipe Tasks, which many apps classify images with. It needs an environment of its own."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ca_deploy.errors import VerificationError, last_line
from ca_deploy.verify import mediapipe_script
from ca_deploy.verify.environments import call, environment_python

MEDIAPIPE = "mediapipe 1.2.2"
_REQUIREMENTS = ("mediapipe==1.2.2",)

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Category:
    """A class that MediaPipe gives an image.

    Attributes:
        index: of the output.
        name: from the labels in the file; empty without labels.
        score: 0 to 1.
    """

    index: int
    name: str
    score: float


def classify(model: Path, images: Sequence[Pixels]) -> list[list[Category]]:
    """The five best classes of each image by MediaPipe's ImageClassifier, best first.

    Args:
        model: a .tflite with metadata that takes pixels.
        images: uint8 (H, W, 3) RGB; another size than the model's is stretched to it by MediaPipe.

    Raises:
        UserError: when mediapipe's environment cannot be made.
        VerificationError: when MediaPipe does not load or run the file.
    """
    python = mediapipe_python()
    with tempfile.TemporaryDirectory() as scratch:
        archive = Path(scratch) / "images.npz"
        arrays: dict[str, Any] = {f"{place:06}": image for place, image in enumerate(images)}
        np.savez(archive, **arrays)
        done = call(str(python), mediapipe_script.__file__, str(model), str(archive))
    if done.returncode:
        raise VerificationError(f"{model} does not run in {MEDIAPIPE}: {last_line(done.stderr)}")
    return [[Category(*one) for one in image] for image in json.loads(done.stdout)]


def mediapipe_python() -> Path:
    """The Python of mediapipe's environment, which is made first where it is missing.

    Raises:
        UserError: when pip cannot fetch the packages.
    """
    return environment_python(MEDIAPIPE, _REQUIREMENTS)
