"""Time a rival's file on the rival's own runtime, in its environment, taking turns with a `.tflite` file.

`python -m benchmarks.own_runtime RIVAL FILE TFLITE RECIPE SUBJECT EFFORT OUT`, EFFORT as JSON. OUT becomes
a JSON document beside which the logits of the parity images lie as `.npy`.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from functools import partial
from importlib import import_module
from pathlib import Path

import numpy as np

from benchmarks.rivals.rival import Model, Rival
from benchmarks.subject import Images, Subject
from ca_deploy.bench.interleave import Clock, Effort, interleave, warm_up
from ca_deploy.bench.timing import ratio, summarize
from ca_deploy.progress import Silent
from ca_deploy.runtimes.litert import LiteRT


def main(module: str, file: str, tflite: str, recipe: str, subject: str, effort: str, out: str) -> None:
    """Write the processor time of both, one over the other, and the rival's logits."""
    rival: Rival = import_module(f"benchmarks.rivals.{module}").RIVAL
    assert rival.start is not None
    images = Subject(recipe, Path(subject))
    model = rival.start(Path(file))
    runs = (LiteRT(Path(tflite)).bind(images.sample()), partial(_run, model, images.sample()))
    # The whole process, because the rival's runtime decides itself which thread works.
    clock, much = Clock(cpu=time.process_time), Effort(**json.loads(effort))
    for run in runs:
        warm_up(run, much.warm_up_seconds, clock)
    beside, own = (samples.cpu for samples in interleave(runs, much, clock, Silent()))
    document = {"cpu": asdict(summarize(own)), "ratio": asdict(ratio(beside, own))}
    Path(out).write_text(json.dumps(document))
    np.save(Path(out).with_suffix(".npy"), np.concatenate([model(image[None]) for image in images.parity()]))


def _run(model: Model, images: Images) -> None:
    model(images)


if __name__ == "__main__":
    main(*sys.argv[1:])
