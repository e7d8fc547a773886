"""Images with the class that each shows, streamed: a folder per class, a CSV, or arrays in a `.npz`."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ca_deploy.errors import UserError
from ca_deploy.images.loading import Skipped
from ca_deploy.images.preprocessing import Preprocessing
from ca_deploy.images.source import Pixels


@dataclass(frozen=True, eq=False)
class LabelledImage:
    """One image and its class.

    Attributes:
        identity: sha256 of its content, as a calibration set tells its images apart.
        label: number of its class, from 0.
        pixels: the image at the recipe's size.
    """

    identity: str
    label: int
    pixels: Pixels


class LabelledImages(Protocol):
    """A collection of images whose classes are known."""

    @property
    def labels(self) -> tuple[str, ...] | None:
        """Names of the classes in the order of their numbers; None when they are numbers only."""

    def __len__(self) -> int: ...

    def stream(self, spec: Preprocessing) -> Generator[LabelledImage | Skipped]:
        """Each image in turn, a few of them in memory; a broken one gives its `Skipped` in its place."""


def open_labelled(source: Path, labels: tuple[str, ...] | None, spec: Preprocessing) -> LabelledImages:
    """Open labelled images; none is decoded yet.

    Args:
        source: a folder with one folder per class, a `.csv` with the columns `path` and `label`, or a `.npz`
            with the arrays `images` (see `ImageArchive`) and `labels` (class numbers).
        labels: the recipe's names of the classes; None: the folders' names in alphabetical order.
        spec: the recipe's preprocessing.

    Raises:
        UserError: when there is nothing at `source`, or it names a class that the recipe does not know.
    """
    from ca_deploy.images.labelled_archive import LabelledArchive
    from ca_deploy.images.labelled_files import LabelledFiles

    if source.is_dir():
        return LabelledFiles.of_folders(source, labels)
    if not source.exists():
        raise UserError(f"{source}: there is no such folder or file; give --data labelled images")
    if source.suffix == ".csv":
        return LabelledFiles.of_table(source, labels)
    if source.suffix == ".npz":
        return LabelledArchive(source, labels, spec)
    raise UserError(
        f"{source}: neither a folder of class folders nor a .csv (path,label) nor a .npz (images, labels)"
    )
