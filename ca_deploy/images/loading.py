"""Many image files, decoded on a few threads, in order, and never all in memory."""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ca_deploy.images.decoding import SUFFIXES, BrokenImageError, decode
from ca_deploy.images.preprocessing import Preprocessing, normalise, resize_and_crop

T = TypeVar("T")
R = TypeVar("R")

_THREADS = min(4, os.cpu_count() or 1)  # Pillow decodes and resizes without holding Python's lock
_IN_FLIGHT = 2 * _THREADS  # enough to keep the threads busy while the consumer works


@dataclass(frozen=True)
class Skipped:
    """An image that could not be used.

    Attributes:
        image: its path, or its place in an archive.
        reason: what is wrong with it.
    """

    image: str
    reason: str

    def __str__(self) -> str:
        return f"{self.image}: {self.reason}"


def find_images(folder: Path) -> list[Path]:
    """JPEG, PNG and WebP files, by suffix, in the folder and all folders in it, sorted by path.

    Files whose name begins with a dot are left out: some systems keep metadata in `._name.jpg`.
    """
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()
    )


def in_order(function: Callable[[T], R], items: Iterable[T]) -> Generator[R]:
    """`map(function, items)` on a few threads: same order, and only a few results wait in memory."""
    waiting: deque[Future[R]] = deque()
    with ThreadPoolExecutor(_THREADS) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) == _IN_FLIGHT:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:  # the consumer may stop early
            pool.shutdown(cancel_futures=True)


def load_pixels(paths: Iterable[Path], spec: Preprocessing) -> Generator[NDArray[np.uint8] | Skipped]:
    """Decode, resize and crop each file; a broken one gives its `Skipped` in its place.

    Yields:
        For each path, in order: uint8 of shape (H, W, 3), or why there is none.
    """
    return in_order(partial(_load_one, spec=spec), paths)


def _load_one(path: Path, spec: Preprocessing) -> NDArray[np.uint8] | Skipped:
    try:
        return resize_and_crop(decode(path), spec)
    except BrokenImageError as error:
        return Skipped(str(path), error.reason)


class ImageLoader:
    """Batches of preprocessed images, streamed from files; iterate it as often as needed.

    Broken images are left out: the others keep their order and fill the batches.

    Attributes:
        skipped: the broken images that the latest iteration met, in order.
    """

    def __init__(self, paths: Sequence[Path], spec: Preprocessing, batch_size: int) -> None:
        self._paths = paths
        self._spec = spec
        self._batch_size = batch_size
        self.skipped: list[Skipped] = []

    def __len__(self) -> int:
        """Number of batches when no image is broken."""
        return math.ceil(len(self._paths) / self._batch_size)

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        """Yield float32 batches of shape (N, 3, H, W); only the last may be smaller than the batch size."""
        self.skipped = []
        batch: list[NDArray[np.uint8]] = []
        for result in load_pixels(self._paths, self._spec):
            if isinstance(result, Skipped):
                self.skipped.append(result)
                continue
            batch.append(result)
            if len(batch) == self._batch_size:
                yield normalise(np.stack(batch), self._spec)
                batch = []
        if batch:
            yield normalise(np.stack(batch), self._spec)
