"""Classifies images with MediaPipe Tasks; executed by mediapipe's own Python, which has no ca_deploy.

Usage: mediapipe_script.py MODEL IMAGES.npz. The archive holds uint8 (H, W, 3) RGB arrays of any size. Prints,
for each in the archive's order, the five best classes as JSON: [[index, name, score], ...].
"""

import json
import sys
from importlib import import_module
from typing import Any

import numpy as np

_BEST = 5


def _main(model: str, images: str) -> None:
    mediapipe: Any = import_module("mediapipe")
    vision: Any = import_module("mediapipe.tasks.python.vision")
    base: Any = import_module("mediapipe.tasks.python").BaseOptions(model_asset_path=model)
    options = vision.ImageClassifierOptions(base_options=base, max_results=_BEST)
    found = []
    with vision.ImageClassifier.create_from_options(options) as classifier, np.load(images) as archive:
        for name in archive.files:
            image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=archive[name])
            (head,) = classifier.classify(image).classifications
            found.append([[one.index, one.category_name, one.score] for one in head.categories])
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    try:
        _main(*sys.argv[1:])
    except (ValueError, RuntimeError, NotImplementedError) as error:  # MediaPipe's own, over several lines
        sys.exit(" ".join(str(error).split()))
