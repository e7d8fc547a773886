"""Which operators the user wants in float: by name, or as many as gain most."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from fnmatch import fnmatchcase

from ca_deploy.errors import UserError, did_you_mean
from ca_deploy.progress import Progress
from ca_deploy.quantization.calibration import Calibration
from ca_deploy.quantization.calibration_set import ImageSet
from ca_deploy.quantization.chosen_ranges import choose_ranges
from ca_deploy.quantization.float_joints import float_joints
from ca_deploy.quantization.ranges import Range
from ca_deploy.quantization.sensitivity import IMAGES, Sensitivity, sensitivities
from ca_deploy.quantization.simulation import Simulation, objection
from ca_deploy.quantization.tflite_clips import scaled_clips
from ca_deploy.quantization.tflite_model import TFLiteModel

_AUTO = "auto:"
_PROOF_IMAGES = 2


def kept_places(
    data: bytes,
    wanted: Sequence[str],
    ranges: Mapping[int, Range],
    images: ImageSet,
    progress: Progress,
    already: Collection[int] = (),
) -> set[int]:
    """Places of the operators that stay float32.

    Args:
        data: the float32 file.
        wanted: names of the tensors that they write, with `*` and `?` as in a shell, or "auto:N": the N
            operators whose int8 costs most (`sensitivities`).
        ranges: of the file's activations.
        images: the calibration set.
        progress: shows the operators done.
        already: places that stay float anyway.

    Raises:
        UserError: when nothing has such a name, N is no number, or the network cannot be simulated.
    """
    model, places = TFLiteModel(data), set[int]()
    for pattern in wanted:
        if pattern.startswith(_AUTO):
            count = auto_count(pattern)
            if reason := objection(Simulation(data), data, images.first(_PROOF_IMAGES)):
                raise UserError(f"--keep-float {pattern}: {reason}; give names instead")
            costs = sensitivities(data, ranges, images.first(IMAGES), progress, already)
            places.update(one.place for one in costs[:count])
        else:
            places |= _named(model, pattern)
    return places


def ranking(
    data: bytes, calibration: Calibration, optimize: str, method: str, threads: int, progress: Progress
) -> list[Sensitivity]:
    """What each operator's int8 costs in the file that `at_precision` would write, the costliest first.

    Args:
        data: a float32 .tflite.
        calibration: images that set ranges.
        optimize: "fast", "balanced" or "best", whose sums and products are float already and not listed.
        method: how ranges are chosen; see `choose_ranges`.
        threads: of the interpreter that measures ranges.
        progress: shows the operators done.

    Raises:
        UserError: when the network cannot be simulated.
    """
    data = TFLiteModel(data).dump()
    if optimize != "fast":
        data = scaled_clips(data, lambda: calibration.batches(progress), threads)
    ranges = choose_ranges(data, calibration, method, threads, progress)
    if reason := objection(Simulation(data), data, calibration.images.first(_PROOF_IMAGES)):
        raise UserError(f"the cost of each operator is found in a simulation: {reason}")
    joints = float_joints(TFLiteModel(data)) if optimize == "best" else []
    return sensitivities(data, ranges, calibration.images.first(IMAGES), progress, joints)


def check_wanted(wanted: Sequence[str]) -> None:
    """Find out before any work whether every "auto:N" has its number.

    Raises:
        UserError: when one has none.
    """
    for pattern in wanted:
        if pattern.startswith(_AUTO):
            auto_count(pattern)


def auto_count(pattern: str) -> int:
    """N of "auto:N".

    Raises:
        UserError: when it is no positive number.
    """
    count = pattern.removeprefix(_AUTO)
    if not count.isdecimal() or not int(count):
        raise UserError(f"--keep-float {pattern}: give auto:N with a number of operators, such as auto:8")
    return int(count)


def _named(model: TFLiteModel, pattern: str) -> set[int]:
    names = {place: model.name(int(operator.outputs[0])) for place, operator in enumerate(model.operators)}
    found = {place for place, name in names.items() if fnmatchcase(name, pattern)}
    if not found:
        hint = did_you_mean(pattern, sorted(set(names.values())))
        raise UserError(
            f"--keep-float {pattern}: no operator writes a tensor of that name{hint}; `ca-deploy "
            "sensitivity` lists them"
        )
    return found
