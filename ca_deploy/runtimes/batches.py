"""How images are laid out and dealt to artifacts that take a fixed number of them at a time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ca_deploy.runtimes.protocol import FloatBatch, TensorInfo

# One artifact's batch of images in, its outputs, dequantized, out.
RunBatch = Callable[[FloatBatch], tuple[FloatBatch, ...]]


def run_in_batches(run: RunBatch, images: FloatBatch, size: int | None) -> tuple[FloatBatch, ...]:
    """Deal images to `run`, `size` at a time, and join what comes back along the first axis.

    The last batch is filled with copies of the last image, whose outputs are dropped; with size None all
    go at once.

    Raises:
        ValueError: when there are no images.
    """
    if not len(images):
        raise ValueError("there are no images to run")
    size = size or len(images)
    batches = [run(_filled(images[i : i + size], size)) for i in range(0, len(images), size)]
    return tuple(np.concatenate(parts)[: len(images)] for parts in zip(*batches, strict=True))


def _filled(images: FloatBatch, size: int) -> FloatBatch:
    missing = size - len(images)
    return np.concatenate([images, np.repeat(images[-1:], missing, axis=0)]) if missing else images


def to_layout_of(info: TensorInfo, images: FloatBatch) -> FloatBatch:
    """Lay float32 images (N,C,H,W) out as a `.tflite` file wants them: NHWC, or NCHW where the file says so.

    Some converters leave PyTorch's NCHW at the interface; the file's shape tells, and where both fit it is
    taken for NHWC, TFLite's own layout.

    Raises:
        ValueError: when the images fit neither way.
    """
    if images.ndim == 4 and fits(info, images.transpose(0, 2, 3, 1)):
        return np.ascontiguousarray(images.transpose(0, 2, 3, 1))
    check_fits(info, images)
    return np.ascontiguousarray(images)


def fits(info: TensorInfo, images: FloatBatch) -> bool:
    """Whether one image has the shape that the artifact takes; the number of images is free."""
    wanted = info.shape[1:]
    return images.ndim == len(info.shape) and all(
        w in (None, got) for w, got in zip(wanted, images.shape[1:], strict=True)
    )


def check_fits(info: TensorInfo, images: FloatBatch) -> None:
    """Raise ValueError when one image has not the shape that the artifact takes."""
    if not fits(info, images):
        raise ValueError(f"input {info.name!r} takes {info.shape}, not images of shape {images.shape}")
