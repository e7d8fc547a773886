"""Which images set activation ranges and which measure parity: never one photograph for both.

The split follows the images' content and a seed, not their names, so that a renamed or moved folder gives
the same two sets:

1. Byte-identical files are one image. Images that a `sources.csv` puts into one group stay together.
2. Groups (an image without one is its own) are put in the order of sha256(seed, group or content); groups
   larger than a fifth of all images come first, because they fit only while calibration is empty.
3. Images are decoded in that order; broken ones drop out and the next take their place.
4. Calibration takes whole groups until it has its count (128, or 80 % of the images if there are fewer than
   160), then exactly that many of their images; what is over in the last group goes to neither side.
   A group that would go over the count and leave fewer than 8 images for parity ends calibration before it.
5. Parity takes up to its count (256) of the groups behind.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ca_deploy.errors import UserError
from ca_deploy.images import (
    Candidate,
    ImageArchive,
    ImageFolder,
    ImageSource,
    Pixels,
    Preprocessing,
    Skipped,
    are_whole_pixels,
    denormalise,
    normalise,
)
from ca_deploy.progress import Progress, Silent

NOISE: Literal["noise"] = "noise"
MIN_CALIBRATION = 16
MIN_PARITY = 8

_NOISE_WARNING = (
    "calibrated and compared on random noise: ranges and parity say nothing about photographs; "
    "use --images with a folder for an artifact that ships"
)


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images of one side of a split, decoded once and kept as 8-bit pixels at the recipe's size.

    128 images at 224 pixels take 19 MB, however large the folder that they come from.

    Attributes:
        identities: sha256 of each image's content, in order.
        pixels: the images in the same order, as `ImageSource` gives them.
        spec: the preprocessing that made them.
    """

    identities: tuple[str, ...]
    pixels: tuple[Pixels, ...]
    spec: Preprocessing

    def __len__(self) -> int:
        return len(self.pixels)

    def batches(self, size: int) -> Iterator[NDArray[np.float32]]:
        """Yield all images, always in the same order, as float32 (N, 3, H, W) with N at most `size`."""
        for start in range(0, len(self), size):
            yield self._stack(self.pixels[start : start + size])

    def pixel_batches(self, size: int) -> Iterator[NDArray[np.float32]]:
        """Yield all images as their pixels, 0 to 255: float32 (N, 3, H, W) with N at most `size`.

        Images that came normalised are turned back, and must come out whole: see `are_pixels`.
        """
        for batch in self.batches(size):
            yield np.rint(denormalise(batch, self.spec))

    def are_pixels(self) -> bool:
        """Whether every image is one of whole pixels from 0 to 255, to within rounding of float32."""
        if all(image.dtype == np.uint8 for image in self.pixels):
            return True
        return all(are_whole_pixels(batch, self.spec) for batch in self.batches(16))

    def only(self, places: Sequence[int]) -> NDArray[np.float32]:
        """The images at these places: float32 (N, 3, H, W)."""
        return self._stack([self.pixels[place] for place in places])

    def first(self, count: int) -> NDArray[np.float32]:
        """The first `count` images, or as many as there are: float32 (N, 3, H, W)."""
        return self._stack(self.pixels[:count])

    def _stack(self, pixels: Sequence[Pixels]) -> NDArray[np.float32]:
        stacked: NDArray[Any] = np.stack(pixels)
        return normalise(stacked, self.spec) if stacked.dtype == np.uint8 else stacked


@dataclass(frozen=True)
class ImageSplit:
    """The two sides, disjoint in content and in photographs.

    Attributes:
        calibration: sets activation ranges.
        parity: what runtimes are compared on.
        skipped: broken images that were met on the way, with the reason, by path.
        warning: what the user must know about these images, or None.
    """

    calibration: ImageSet
    parity: ImageSet
    skipped: tuple[Skipped, ...] = ()
    warning: str | None = None


def split_images(
    source: Path | Literal["noise"],
    spec: Preprocessing,
    seed: int,
    calibration_count: int = 128,
    parity_count: int = 256,
    progress: Progress | None = None,
) -> ImageSplit:
    """Choose and load the images for calibration and parity.

    Args:
        source: a folder, a `.npz` file (see `ImageArchive`), or "noise".
        spec: the recipe's preprocessing.
        seed: another seed gives another split.
        calibration_count: images for calibration, if there are enough.
        parity_count: images for parity, if there are enough.
        progress: hears how many files are read and decoded.

    Raises:
        UserError: when the source is missing or of another kind, or too few of its images can be used.
    """
    if source == NOISE:
        return _noise(spec, seed, calibration_count, parity_count)
    progress = progress or Silent()
    images = _open(source, spec)
    candidates, unreadable = images.candidates(progress)
    ordered = split_order(candidates, seed)
    wanted = _images_needed(candidates, calibration_count, parity_count)
    taken, broken = images.take(ordered, wanted, spec, progress)
    calibration, parity = split_sides([_group(image) for image, _ in taken], calibration_count, parity_count)
    skipped = tuple(sorted([*unreadable, *broken], key=str))
    if len(calibration) < MIN_CALIBRATION or len(parity) < MIN_PARITY:
        raise UserError(_too_few(source, candidates, len(taken), skipped, calibration_count))
    return ImageSplit(
        _image_set(taken[calibration.start : calibration.stop], spec),
        _image_set(taken[parity.start : parity.stop], spec),
        skipped,
    )


def _open(source: Path, spec: Preprocessing) -> ImageSource:
    hint = f"give a folder with JPEG, PNG or WebP images, or a .npz file, or '{NOISE}'"
    if source.is_dir():
        return ImageFolder(source)
    if not source.exists():
        raise UserError(f"{source}: there is no such folder of images; {hint}")
    if source.suffix != ".npz":
        raise UserError(f"{source}: neither a folder nor a .npz file; {hint}")
    return ImageArchive(source, spec)


def tracked_batches(images: ImageSet, progress: Progress, size: int = 16) -> Iterator[NDArray[np.float32]]:
    """All images as float32 (N, 3, H, W), N at most `size`, showing the batches done."""
    return progress.track(images.batches(size), -(-len(images) // size), f"batches of {size} images")


def split_order(candidates: Sequence[Candidate], seed: int) -> list[Candidate]:
    """The order in which images are given out: rule 2 above."""
    sizes = Counter(map(_group, candidates))

    def key(image: Candidate) -> tuple[bool, str, str]:
        fits_anywhere = sizes[_group(image)] * 5 <= len(candidates)
        return fits_anywhere, _shuffled(seed, _group(image)), _shuffled(seed, image.identity)

    return sorted(candidates, key=key)


def _group(image: Candidate) -> str:
    """What must stay on one side: its group, or itself."""
    return image.identity if image.group is None else f"group {image.group}"


def _shuffled(seed: int, text: str) -> str:
    return hashlib.sha256(f"{seed} {text}".encode()).hexdigest()


def _images_needed(candidates: Sequence[Candidate], calibration_count: int, parity_count: int) -> int:
    """With so many good images at the front of the order, those behind cannot change the split."""
    largest_group = max(Counter(map(_group, candidates)).values(), default=1)
    four_fifths = -(-calibration_count * 5 // 4)
    return max(calibration_count + parity_count, four_fifths) + largest_group - 1


def split_sides(groups: Sequence[Hashable], calibration_count: int, parity_count: int) -> tuple[range, range]:
    """Which of the good images, in order, are for calibration and which for parity: rules 4 and 5 above.

    Args:
        groups: the group of each image; members of a group are neighbours.
        calibration_count: images for calibration, if there are enough.
        parity_count: images for parity, if there are enough.
    """
    total = len(groups)
    calibration_count = min(calibration_count, total * 4 // 5)
    end = 0
    for _, members in groupby(groups):
        behind = end + len(list(members))
        would_starve_parity = behind > calibration_count and total - behind < MIN_PARITY
        if end >= calibration_count or would_starve_parity:
            break
        end = behind
    return range(min(calibration_count, end)), range(end, min(end + parity_count, total))


def _image_set(taken: Sequence[tuple[Candidate, Pixels]], spec: Preprocessing) -> ImageSet:
    return ImageSet(tuple(image.identity for image, _ in taken), tuple(pixels for _, pixels in taken), spec)


def _too_few(
    source: Path,
    candidates: Sequence[Candidate],
    usable: int,
    skipped: Sequence[Skipped],
    calibration_count: int,
) -> str:
    # Calibration takes its count or four fifths, rounded down, and must leave enough for parity.
    least = min(calibration_count + MIN_PARITY, 5 * (MIN_PARITY - 1) + 1)
    groups = len({_group(image) for image in candidates})
    together = f" in {groups} group(s) that must stay together" if groups < len(candidates) else ""
    broken = f"; {len(skipped)} skipped, such as {skipped[0]}" if skipped else ""
    return (
        f"{source}: too few images: {usable} different usable ones{together}{broken}; {least} are "
        f"the least (four fifths calibrate, {MIN_PARITY} others must be left for parity), 40 or more are "
        "better"
    )


def _noise(spec: Preprocessing, seed: int, calibration_count: int, parity_count: int) -> ImageSplit:
    """Uniformly random pixels; only for trying things out."""
    height, width = spec.size
    generator = np.random.default_rng(seed)

    def noise(count: int) -> ImageSet:
        images = generator.integers(0, 256, (count, height, width, 3), dtype=np.uint8)
        return ImageSet(
            tuple(hashlib.sha256(image.data).hexdigest() for image in images), tuple(images), spec
        )

    return ImageSplit(noise(calibration_count), noise(parity_count), warning=_NOISE_WARNING)
