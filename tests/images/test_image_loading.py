from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ca_deploy.images import ImageLoader, Skipped, find_images, load_pixels
from ca_deploy.progress import Lines
from ca_deploy.recipe import InputSpec

SPEC = InputSpec(size=(8, 8), resize=8, mean=(0, 0, 0), std=(1, 1, 1))


def write_grey(path: Path, level: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), (level, level, level)).save(path)
    return path


@pytest.fixture
def twenty(tmp_path: Path) -> list[Path]:
    """Images of rising brightness; numbers 3 and 17 are broken."""
    paths = [write_grey(tmp_path / f"{index:02}.png", 10 * index) for index in range(20)]
    paths[3].write_bytes(b"")
    paths[17].write_bytes(paths[17].read_bytes()[:50])
    return paths


def test_find_images_looks_in_all_folders_in_order(tmp_path: Path) -> None:
    names = ["b.PNG", "a/z.jpeg", "a/b/c.webp", "a.jpg"]
    others = ["notes.txt", "a/._z.jpeg", "film.gif", "d.jpg/inside.txt"]
    for name in names + others:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()

    found = [str(path.relative_to(tmp_path)) for path in find_images(tmp_path)]

    assert found == ["a/b/c.webp", "a/z.jpeg", "a.jpg", "b.PNG"]


def test_broken_images_keep_their_place(twenty: list[Path]) -> None:
    results = list(load_pixels(twenty, SPEC))

    assert [index for index, result in enumerate(results) if isinstance(result, Skipped)] == [3, 17]
    levels = [int(result[0, 0, 0]) for result in results if not isinstance(result, Skipped)]
    assert levels == [10 * index for index in range(20) if index not in (3, 17)]


def test_only_a_few_images_are_read_ahead(twenty: list[Path]) -> None:
    started = []

    def paths() -> Iterator[Path]:
        for index in range(1000):
            started.append(index)
            yield twenty[0]

    results = load_pixels(paths(), SPEC)
    for _ in range(5):
        next(results)
    results.close()

    assert len(started) <= 15


def test_loader_fills_batches_and_reports_what_is_broken(twenty: list[Path]) -> None:
    loader = ImageLoader(twenty, SPEC, batch_size=7)

    for _ in range(2):  # a second pass gives and reports the same
        batches = list(loader)
        assert [batch.shape for batch in batches] == [(7, 3, 8, 8), (7, 3, 8, 8), (4, 3, 8, 8)]
        assert [skipped.image for skipped in loader.skipped] == [str(twenty[3]), str(twenty[17])]
    levels = np.concatenate(batches)[:, 0, 0, 0]
    assert levels.dtype == np.float32
    np.testing.assert_allclose(levels * 255, [10 * index for index in range(20) if index not in (3, 17)])
    assert str(loader.skipped[0]) == f"{twenty[3]}: no JPEG, PNG or WebP data"


def test_loader_can_be_tracked(twenty: list[Path]) -> None:
    loader = ImageLoader(twenty, SPEC, batch_size=4)
    stream = StringIO()
    progress = Lines(stream, seconds_between=0)

    tracked = list(progress.track(loader, len(loader), "batches"))

    assert len(tracked) == 5
    assert "4/5 batches" in stream.getvalue()
