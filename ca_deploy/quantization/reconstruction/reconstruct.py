"""Reconstruction: learn on most calibration images, and keep what is better on the others."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from ca_deploy.metrics import sqnr_db
from ca_deploy.progress import Progress
from ca_deploy.quantization.calibration import Calibration
from ca_deploy.quantization.calibration_set import ImageSet
from ca_deploy.quantization.ranges import Range
from ca_deploy.quantization.reconstruction.checkpoint import Checkpoint
from ca_deploy.quantization.reconstruction.settings import Settings
from ca_deploy.quantization.reconstruction.variables import Variables
from ca_deploy.quantization.reconstruction.walk import Clock, Walk
from ca_deploy.quantization.simulation import Simulation, outputs_of
from ca_deploy.quantization.simulation.simulation import channels_last
from ca_deploy.quantization.static import quantize_static
from ca_deploy.quantization.tflite_model import TFLiteModel
from ca_deploy.runtimes.torch_threads import torch_threads

_IMAGES = 128
_HELD = 5
"""One image of so many judges and is not learned from."""
_SMALL = 64 * 64
"""Pixels of images that rounds and views are meant for; larger ones have more values each to learn from."""


@dataclass(frozen=True)
class Learning:
    """What a user may choose about it.

    Attributes:
        minutes: how long it may take, over all runs that go on with it.
        seed: of everything random.
        rounding: learn how weights are rounded, block by block, too.
        folder: where finished blocks are kept for a run that goes on.
    """

    minutes: float
    seed: int
    rounding: bool
    folder: Path


@dataclass(frozen=True)
class Reconstruction:
    """What was learned, for the manifest.

    Attributes:
        kept: whether it is in the file, which it is when it is better on the images held back.
        blocks: of the network.
        blocks_learned: how many of them there was time for.
        blocks_kept: how many of those were better for it.
        rounds: against the outputs.
        rounds_done: how many of them there was time for.
        seconds: in all runs.
        held_images: that were not learned from, and judged.
        before_db: SQNR of the outputs on those and their mirror images, on LiteRT's kernels, without what was
            learned.
        after_db: with it, kept or not.
    """

    kept: bool
    blocks: int
    blocks_learned: int
    blocks_kept: int
    rounds: int
    rounds_done: int
    seconds: float
    held_images: int
    before_db: float
    after_db: float

    def warnings(self) -> tuple[str, ...]:
        """What the user should know, one line each."""
        found = []
        if self.rounds_done < self.rounds:
            found.append(
                f"learning stopped at its time limit, after {self.rounds_done} of {self.rounds} rounds; "
                "more --optimize-minutes, with --overwrite, goes on from there"
            )
        if not self.kept:
            found.append(
                f"what was learned is left out: {self.after_db} dB with it, {self.before_db} dB without, on "
                f"{self.held_images} calibration images held back"
            )
        return tuple(found)


@dataclass(frozen=True)
class Candidate:
    """A network in int8.

    Attributes:
        data: a float32 file with biases and weights as they will be written.
        ranges: of its activations.
        written: the int8 file.
    """

    data: bytes
    ranges: Mapping[int, Range]
    written: bytes


def reconstructed(
    data: bytes,
    start: Candidate,
    calibration: Calibration,
    learning: Learning,
    progress: Progress,
    per_channel: bool = True,
    keep_float: Collection[int] = (),
    settings: Settings | None = None,
) -> tuple[Candidate, Reconstruction]:
    """Learn biases, scales and zero points of activations, and, if asked for, how weights are rounded.

    Rounding, with everything else, block after block (`Walk.through_blocks`); then biases and activations of
    all of them against the outputs (`Walk.against_outputs`). It is kept when LiteRT's kernels find it better
    on the images held back.

    Args:
        data: the float32 file, whose outputs are what is aimed at.
        start: its int8 form so far.
        calibration: images to learn from and to judge by, and the network's limits, to learn from only.
        learning: how long, and where to go on from.
        progress: shows blocks and rounds done.
        per_channel: whether weights have one scale per output channel.
        keep_float: places of operators that stay float32.
        settings: how fast and how often; default: what suits images of this size.

    Returns:
        The better one of the start and what was learned, and a record of that.
    """
    settings = replace(settings or _settings(calibration.images), seed=learning.seed)
    if not learning.rounding:
        settings = replace(settings, block_rounds=0)
    pixels = calibration.images.first(_IMAGES)
    count = len(pixels) - max(len(pixels) // _HELD, 1)
    held = np.concatenate([pixels[count:], pixels[count:, :, :, ::-1]])
    parts = [data, start.data, pixels.tobytes(), calibration.limits.tobytes()]
    options = settings, per_channel, sorted(keep_float), sorted(start.ranges.items())
    parts += [repr((options, torch.__version__)).encode()]
    with torch_threads(1):
        walk = Walk(
            Variables(Simulation(start.data, per_channel, keep_float), start.ranges),
            Simulation(data, per_channel, keep_float),
            channels_last(pixels[:count]),
            channels_last(calibration.limits),
            channels_last(pixels[count:]),
            settings,
            Clock(60 * learning.minutes),
            Checkpoint(learning.folder, parts),
        )
        walk.through_blocks(progress)
        walk.against_outputs(progress)
    learned = start
    if any(walk.kept) or walk.rounds:
        learned = _candidate(walk.variables, start, per_channel, keep_float)
    expected = outputs_of(data, held)
    before, after = (sqnr_db(expected, outputs_of(one.written, held)) for one in (start, learned))
    is_better = after > before
    return learned if is_better else start, Reconstruction(
        kept=is_better,
        blocks=len(walk.blocks),
        blocks_learned=len(walk.kept),
        blocks_kept=sum(walk.kept),
        rounds=settings.output_rounds,
        rounds_done=walk.rounds,
        seconds=round(walk.clock.seconds, 1),
        held_images=len(pixels) - count,
        before_db=round(before, 2),
        after_db=round(after, 2),
    )


def _settings(images: ImageSet) -> Settings:
    """The settings for images of this size."""
    settings = Settings()
    larger = max(images.pixels[0].size // 3 / _SMALL, 1)
    return replace(
        settings, batch=max(round(settings.batch / larger), 4), views=max(round(settings.views / larger), 1)
    )


def _candidate(
    variables: Variables, start: Candidate, per_channel: bool, keep_float: Collection[int]
) -> Candidate:
    """What is learned, written."""
    constants, learned = variables.learned()
    model, ranges = TFLiteModel(start.data), {**start.ranges, **learned}
    for index, values in constants.items():
        model.set_constant(index, values.numpy())
    data = model.dump()
    return Candidate(data, ranges, quantize_static(data, ranges, keep_float, per_channel))
