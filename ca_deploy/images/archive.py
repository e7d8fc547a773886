"""Images in a NumPy `.npz` file, read one at a time, so that its size does not matter."""

from __future__ import annotations

import hashlib
import math
import zipfile
import zlib
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray
from PIL import Image

from ca_deploy.errors import UserError
from ca_deploy.images.loading import Skipped
from ca_deploy.images.preprocessing import Preprocessing, are_whole_pixels, resize_and_crop
from ca_deploy.images.source import Candidate, Pixels
from ca_deploy.progress import Progress

_MEMBER = "images.npy"  # what np.savez(path, images=...) writes
_NOT_FINITE = "NaN or Inf in it"


class ImageArchive:
    """The array `images` of a `.npz` file; implements `ImageSource`.

    uint8 (N, H, W, 3) are raw RGB pixels and go through the recipe's preprocessing like a photograph;
    float32 (N, 3, H, W) are the network's input as it is.
    """

    def __init__(self, path: Path, spec: Preprocessing) -> None:
        """Read the array's header.

        Raises:
            UserError: when the file holds anything else than what is said above.
        """
        self._path, self._spec = path, spec
        with self._open() as (_, shape, dtype):
            self._shape, self._dtype = shape, dtype
        height, width = spec.size
        raw = dtype == np.uint8 and len(shape) == 4 and shape[3] == 3 and min(shape[1:3]) > 0
        if not raw and not (dtype == np.float32 and len(shape) == 4 and shape[1:] == (3, height, width)):
            raise UserError(
                f"{path}: 'images' is {dtype} {shape}; expected uint8 (N, H, W, 3) with raw RGB pixels, or "
                f"float32 (N, 3, {height}, {width}) already preprocessed"
            )

    def __len__(self) -> int:
        return self._shape[0]

    def stream(self, spec: Preprocessing) -> Generator[tuple[str, Pixels] | Skipped]:
        """Each image in turn: sha256 of its content and its pixels at the recipe's size, or why not."""
        for index, image in enumerate(self._images()):
            if np.isfinite(image).all():
                yield _identity(image), self._prepared(image, spec)
            else:
                yield Skipped(self._place(index), _NOT_FINITE)

    def candidates(self, progress: Progress) -> tuple[list[Candidate], list[Skipped]]:
        """Hash every image; copies of one content are one candidate, one with NaN or Inf is skipped."""
        skipped: list[Skipped] = []
        copies: dict[str, list[int]] = {}
        for index, image in enumerate(progress.track(self._images(), len(self), "images read")):
            if np.isfinite(image).all():
                copies.setdefault(_identity(image), []).append(index)
            else:
                skipped.append(Skipped(self._place(index), _NOT_FINITE))
        return [
            Candidate(identity, None, tuple(map(self._place, indices)), indices[0])
            for identity, indices in copies.items()
        ], skipped

    def take(
        self, candidates: Sequence[Candidate], wanted: int, spec: Preprocessing, progress: Progress
    ) -> tuple[list[tuple[Candidate, Pixels]], list[Skipped]]:
        """The first `wanted` candidates: none of those is broken."""
        chosen = candidates[:wanted]
        indices = {candidate.index for candidate in chosen}
        pixels: dict[int, Pixels] = {}
        for index, image in enumerate(progress.track(self._images(), len(self), "images read")):
            if index in indices:
                pixels[index] = self._prepared(image, spec)
        return [(candidate, pixels[candidate.index]) for candidate in chosen], []

    def begins_with_pixels(self) -> bool:
        """Whether the first image without NaN is one of pixels from 0 to 255, raw or normalised."""
        if self._dtype == np.uint8:
            return True
        first = next((image for image in self._images() if np.isfinite(image).all()), None)
        return first is None or are_whole_pixels(first[None], self._spec)

    def _prepared(self, image: NDArray[Any], spec: Preprocessing) -> Pixels:
        raw = self._dtype == np.uint8
        return resize_and_crop(Image.fromarray(image), spec) if raw else image

    def _place(self, index: int) -> str:
        return f"{self._path}[{index}]"

    def _images(self) -> Iterator[NDArray[Any]]:
        """Each image in turn, read from the file."""
        count, *shape = self._shape
        size = math.prod(shape) * self._dtype.itemsize
        with self._open() as (file, _, _):
            for _ in range(count):
                content = file.read(size)
                if len(content) < size:
                    raise EOFError("the array ends early")
                yield np.frombuffer(content, self._dtype).reshape(shape)

    @contextmanager
    def _open(self) -> Iterator[tuple[IO[bytes], tuple[int, ...], np.dtype[Any]]]:
        """The array's file behind its header, its shape and its dtype."""
        try:
            with zipfile.ZipFile(self._path) as archive:
                if _MEMBER not in archive.namelist():
                    keys = ", ".join(name.removesuffix(".npy") for name in archive.namelist()) or "nothing"
                    raise UserError(f"{self._path}: no array 'images' in it (it holds {keys})")
                with archive.open(_MEMBER) as file:
                    shape, dtype = _read_header(file)
                    yield file, shape, dtype
        except (OSError, EOFError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
            raise UserError(
                f"{self._path}: cannot be read ({error}); write it with np.savez(path, images=array)"
            ) from error


def _identity(image: NDArray[Any]) -> str:
    return hashlib.sha256(image.data).hexdigest()


def _read_header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and dtype; the file then stands at the first element."""
    oldest = npy.read_magic(file) == (1, 0)
    shape, column_major, dtype = (npy.read_array_header_1_0 if oldest else npy.read_array_header_2_0)(file)
    if column_major:
        raise ValueError("the array is in column-major order; save np.ascontiguousarray of it")
    return shape, dtype
