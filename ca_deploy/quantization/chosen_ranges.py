"""The ranges of a file's activations, by the method that was asked for."""

from __future__ import annotations

from ca_deploy.progress import Progress
from ca_deploy.quantization.calibration import Calibration
from ca_deploy.quantization.calibration_set import tracked_batches
from ca_deploy.quantization.histograms import measure_histograms
from ca_deploy.quantization.range_methods import METHODS, moving_average
from ca_deploy.quantization.ranges import Range, measure_extremes, measure_ranges


def choose_ranges(
    data: bytes, calibration: Calibration, method: str, threads: int, progress: Progress
) -> dict[int, Range]:
    """Ranges of every float32 activation, by tensor index.

    Only "minmax" holds the network's limits; whatever averages or counts does so over the images alone.

    Args:
        data: a float32 .tflite whose input is one NHWC image.
        calibration: images that set ranges.
        method: "minmax", "moving_average" or a name in `METHODS`, which run the images twice.
        threads: how many images run at the same time; they do not change the result.
        progress: shows the images done.
    """
    if method == "minmax":
        return measure_ranges(data, calibration.batches(progress), threads)
    if method == "moving_average":
        extremes = measure_extremes(data, tracked_batches(calibration.images, progress), threads)
        return {index: moving_average(of) for index, of in extremes.items()}
    exact = measure_ranges(data, tracked_batches(calibration.images, progress), threads)
    histograms = measure_histograms(data, exact, tracked_batches(calibration.images, progress), threads)
    return exact | {index: METHODS[method](histogram) for index, histogram in histograms.items()}
