"""Labelled images in a `.npz`: the arrays `images` and `labels`."""

from __future__ import annotations

import zipfile
from collections.abc import Generator
from pathlib import Path

import numpy as np

from ca_deploy.errors import UserError
from ca_deploy.images.archive import ImageArchive
from ca_deploy.images.labelled import LabelledImage
from ca_deploy.images.loading import Skipped
from ca_deploy.images.preprocessing import Preprocessing


class LabelledArchive:
    """Implements `LabelledImages`.

    Args:
        path: a `.npz` that `np.savez(path, images=..., labels=...)` wrote, labels being integers (N,).
        labels: names of the classes, or None.
        spec: the preprocessing that the images go through.

    Raises:
        UserError: when an array is missing or not as said.
    """

    def __init__(self, path: Path, labels: tuple[str, ...] | None, spec: Preprocessing) -> None:
        self.labels = labels
        self._images = ImageArchive(path, spec)
        try:
            with np.load(path) as arrays:
                self._numbers = arrays["labels"]
        except KeyError as error:
            raise UserError(
                f"{path}: no array 'labels' in it; add the number of each image's class"
            ) from error
        except (OSError, ValueError, zipfile.BadZipFile) as error:
            raise UserError(f"{path}: its array 'labels' cannot be read ({error})") from error
        if self._numbers.shape != (len(self._images),) or self._numbers.dtype.kind not in "iu":
            raise UserError(
                f"{path}: 'labels' is {self._numbers.dtype} {self._numbers.shape}; expected one integer for "
                f"each of the {len(self._images)} images"
            )
        classes = len(labels) if labels else None
        if len(self) and (self._numbers.min() < 0 or (classes and self._numbers.max() >= classes)):
            known = f"the {classes} classes, which count from 0" if classes else "0, where classes begin"
            raise UserError(f"{path}: 'labels' goes beyond {known}")

    def __len__(self) -> int:
        return len(self._numbers)

    def stream(self, spec: Preprocessing) -> Generator[LabelledImage | Skipped]:
        """Read the images one after the other; see `LabelledImages.stream`."""
        for found, number in zip(self._images.stream(spec), self._numbers, strict=True):
            if isinstance(found, Skipped):
                yield found
            else:
                identity, pixels = found
                yield LabelledImage(identity, int(number), pixels)
