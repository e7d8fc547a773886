"""Static int8 with everything that takes only seconds: ranges that hold rare images, and corrected biases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ca_deploy.progress import Progress
from ca_deploy.quantization.bias_correction import corrected_biases, images_for_biases
from ca_deploy.quantization.calibration import Calibration
from ca_deploy.quantization.chosen_ranges import choose_ranges
from ca_deploy.quantization.float_joints import float_joints
from ca_deploy.quantization.keep_float import kept_places
from ca_deploy.quantization.quantized import Quantized
from ca_deploy.quantization.reconstruction import Candidate, Learning, reconstructed
from ca_deploy.quantization.simulation import Simulation, distance_db, objection
from ca_deploy.quantization.static import quantize_static
from ca_deploy.quantization.tflite_clips import scaled_clips
from ca_deploy.quantization.tflite_model import TFLiteModel

_PROOF_IMAGES = 2
_DISTANCE_IMAGES = 16


def quantize_balanced(
    data: bytes,
    calibration: Calibration,
    threads: int,
    progress: Progress,
    per_channel: bool = True,
    mixed: bool = False,
    keep_float: Sequence[str] = (),
    method: str = "minmax",
    learning: Learning | None = None,
) -> Quantized:
    """Write the int8 form of a float32 .tflite.

    Args:
        data: the float32 file.
        calibration: images that set ranges and biases.
        threads: of the interpreter that measures ranges.
        progress: shows the images done, and what had to be left out.
        per_channel: whether weights have one scale per output channel.
        mixed: whether sums and products stay float; see `float_joints`.
        keep_float: what else does; see `kept_places`.
        method: how ranges are chosen; see `choose_ranges`.
        learning: how long and from where to learn rounding, biases and steps; None learns nothing.

    Returns:
        The int8 file; with a warning when it cannot be simulated, so that its biases are not corrected and
        nothing is learned.
    """
    data = TFLiteModel(data).dump()  # without unused tensors, so that indices stay as they are below
    data = scaled_clips(data, lambda: calibration.batches(progress), threads)
    ranges = choose_ranges(data, calibration, method, threads, progress)
    joints = float_joints(TFLiteModel(data)) if mixed else []
    chosen = kept_places(data, keep_float, ranges, calibration.images, progress, joints)
    kept = sorted({*joints, *chosen})
    simulation = Simulation(data, per_channel, kept)
    if reason := objection(simulation, data, calibration.images.first(_PROOF_IMAGES)):
        left_out = "biases are not corrected" if learning is None else "nothing is corrected or learned"
        warning = f"{left_out}: {reason}"
        progress.note(warning)
        return Quantized(quantize_static(data, ranges, kept, per_channel), (warning,))
    biases = corrected_biases(simulation, ranges, images_for_biases(calibration.images))
    corrected = with_biases(data, biases)
    best, learned = Candidate(corrected, ranges, quantize_static(corrected, ranges, kept, per_channel)), None
    if learning is not None:
        best, learned = reconstructed(data, best, calibration, learning, progress, per_channel, kept)
    images = calibration.images.first(_DISTANCE_IMAGES)
    distance = distance_db(Simulation(best.data, per_channel, kept), best.ranges, best.written, images)
    warnings = () if learned is None else learned.warnings()
    return Quantized(best.written, warnings, simulation_db=distance, reconstruction=learned)


def with_biases(data: bytes, biases: Mapping[int, NDArray[np.float32]]) -> bytes:
    """A .tflite with other constants by tensor index."""
    model = TFLiteModel(data)
    for index, values in biases.items():
        model.set_constant(index, values)
    return model.dump()
