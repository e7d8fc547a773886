"""model_uint8.tflite and model_fp32_pixels.tflite: what an app hands pixels to and reads scores from."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ca_deploy.artifact import Artifact
from ca_deploy.stages.description import written_with_metadata
from ca_deploy.stages.work import Work, Written

if TYPE_CHECKING:
    from ca_deploy.quantization.app_interface import PixelType

# Camera pixels go into int8 networks as they are. MediaPipe and GPU delegates take float32, and MediaPipe
# cannot normalise each channel by itself, so that the float32 file has to.
_NAMES: dict[tuple[str, str], tuple[str, PixelType]] = {
    ("android", "int8"): ("model_uint8", "uint8"),
    ("android", "fp32"): ("model_fp32_pixels", "float32"),
    ("web", "int8"): ("model_uint8", "uint8"),
    ("ios", "int8"): ("model_uint8", "uint8"),
    ("ios", "fp32"): ("model_fp32_pixels", "float32"),
}

_NO_PIXELS = "its parity cannot be measured on images that were not pixels from 0 to 255 before normalisation"


def write_pixel_variant(work: Work, artifact: Artifact, data: bytes) -> Written:
    """Write what apps want of a .tflite beside it, where its target has apps that want that.

    Args:
        work: says where to.
        artifact: the file that takes normalised images.
        data: its content.
    """
    from ca_deploy.quantization.app_interface import with_app_interface

    key = (artifact.target, artifact.precision)
    if key not in _NAMES:
        return Written()
    name, pixels = _NAMES[key]
    path = artifact.path.with_name(artifact.name.replace(f"model_{artifact.precision}", name, 1))
    if not work.images.parity.are_pixels():
        return Written(warnings=(f"{path.name} is not written: {_NO_PIXELS}",))
    work.progress.step(f"Writing {path.name}")
    spec = work.plan.recipe.input
    content = with_app_interface(data, spec.mean, spec.std, pixels)
    variant = replace(artifact, path=path, interface="pixels")
    return Written((written_with_metadata(work.plan, variant, content),))
