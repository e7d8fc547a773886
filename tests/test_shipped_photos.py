import csv
from collections import Counter

import pytest

from ca_deploy.images import Candidate, ImageFolder, Skipped, find_images, load_pixels
from ca_deploy.progress import Silent
from ca_deploy.quantization.calibration_set import split_order, split_sides
from ca_deploy.recipe import InputSpec
from ca_deploy.resources import data_folder

PHOTOS = data_folder("calibration") / "photos"
FREE_LICENCES = {
    "public domain",
    "CC0-1.0",
    "CC-BY-2.0",
    "CC-BY-3.0",
    "CC-BY-4.0",
    "CC-BY-SA-3.0",
    "CC-BY-SA-4.0",
}


@pytest.fixture(scope="module")
def candidates() -> list[Candidate]:
    return ImageFolder(PHOTOS).candidates(Silent())[0]


def test_every_photo_has_a_source_a_free_licence_and_an_author() -> None:
    with (PHOTOS / "sources.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))

    assert [row["file"] for row in rows] == [path.name for path in find_images(PHOTOS)]
    assert {row["licence"] for row in rows} <= FREE_LICENCES
    assert all(row["source"].startswith("http") and row["author"] and row["package"] for row in rows)


def test_the_photographs_are_many_and_no_one_of_them_prevails(candidates: list[Candidate]) -> None:
    crops = Counter(candidate.group for candidate in candidates)

    assert None not in crops
    assert len(crops) >= 150
    assert max(crops.values()) <= 2


def test_the_set_is_small_enough_to_ship() -> None:
    assert sum(path.stat().st_size for path in PHOTOS.iterdir()) < 4_000_000


def test_every_photo_decodes_at_full_size() -> None:
    results = list(load_pixels(find_images(PHOTOS), InputSpec(size=(224, 224), resize=224)))

    assert len(results) >= 240
    assert not [result for result in results if isinstance(result, Skipped)]


def test_no_photo_is_there_twice(candidates: list[Candidate]) -> None:
    assert all(len(candidate.places) == 1 for candidate in candidates)


@pytest.mark.parametrize("seed", range(50))
def test_every_seed_gives_both_sides_enough_images_of_many_photographs(
    candidates: list[Candidate], seed: int
) -> None:
    groups = [str(candidate.group) for candidate in split_order(candidates, seed)]

    calibration, parity = split_sides(groups, calibration_count=128, parity_count=256)

    assert len(calibration) == 128
    assert len(parity) >= 64
    sides = [{groups[index] for index in side} for side in (calibration, parity)]
    assert not sides[0] & sides[1]
    assert min(len(side) for side in sides) >= 60
