import shutil
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ca_deploy.errors import UserError
from ca_deploy.images import decode, normalise, resize_and_crop
from ca_deploy.progress import Lines
from ca_deploy.quantization.calibration_set import ImageSet, ImageSplit, split_images, split_sides
from ca_deploy.recipe import InputSpec

SPEC = InputSpec(size=(8, 8), resize=8)


def write_images(folder: Path, count: int, first: int = 0) -> list[Path]:
    """Small images, each of its own content."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{index:05}.png" for index in range(first, first + count)]
    for index, path in enumerate(paths, start=first):
        Image.fromarray(np.random.default_rng(index).integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(path)
    return paths


def write_table(folder: Path, rows: list[tuple[str, str]]) -> None:
    lines = ["file,group,licence", *(f"{file},{group},CC0-1.0" for file, group in rows)]
    (folder / "sources.csv").write_text("\n".join(lines))


def assert_no_overlap(split: ImageSplit) -> None:
    calibration, parity = set(split.calibration.identities), set(split.parity.identities)
    assert len(calibration) == len(split.calibration)
    assert len(parity) == len(split.parity)
    assert not calibration & parity


@pytest.mark.parametrize(
    ("images", "calibration", "parity"),
    [(36, 28, 8), (40, 32, 8), (100, 80, 20), (160, 128, 32), (300, 128, 172), (400, 128, 256)],
)
def test_counts(tmp_path: Path, images: int, calibration: int, parity: int) -> None:
    write_images(tmp_path, images)

    split = split_images(tmp_path, SPEC, seed=0)

    assert (len(split.calibration), len(split.parity)) == (calibration, parity)
    assert_no_overlap(split)
    assert (split.skipped, split.warning) == ((), None)


def test_other_counts_can_be_asked_for(tmp_path: Path) -> None:
    write_images(tmp_path, 60)

    split = split_images(tmp_path, SPEC, seed=0, calibration_count=20, parity_count=10)

    assert (len(split.calibration), len(split.parity)) == (20, 10)


def test_content_and_seed_decide_and_not_names_or_folders(tmp_path: Path) -> None:
    original = write_images(tmp_path / "original", 60)
    renamed = tmp_path / "renamed"
    for index, path in enumerate(reversed(original)):
        target = renamed / f"folder{index % 3}" / f"{index}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)

    first, second = (split_images(folder, SPEC, seed=7) for folder in (tmp_path / "original", renamed))

    assert first.calibration.identities == second.calibration.identities
    assert first.parity.identities == second.parity.identities
    assert np.array_equal(first.parity.first(12), second.parity.first(12))
    other_seed = split_images(renamed, SPEC, seed=8)
    assert set(other_seed.calibration.identities) != set(first.calibration.identities)


def test_batches_are_the_preprocessed_images(tmp_path: Path) -> None:
    paths = write_images(tmp_path, 40)
    split = split_images(tmp_path, SPEC, seed=0)

    batches = list(split.calibration.batches(10))

    assert [batch.shape for batch in batches] == [(10, 3, 8, 8)] * 3 + [(2, 3, 8, 8)]
    everything = np.concatenate([*batches, *split.parity.batches(100)])
    assert everything.dtype == np.float32
    expected = [normalise(resize_and_crop(decode(path), SPEC), SPEC) for path in paths]
    assert {image.tobytes() for image in everything} == {image.tobytes() for image in expected}
    assert np.array_equal(split.calibration.first(13), np.concatenate(batches)[:13])
    assert len(split.parity.first(100)) == 8


def test_pixels_come_back_from_normalised_images() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, *SPEC.size, 3), dtype=np.uint8)
    as_taken = pixels.transpose(0, 3, 1, 2)
    identities = ("a", "b", "c")
    for images in (tuple(pixels), tuple(normalise(pixels, SPEC))):
        image_set = ImageSet(identities, images, SPEC)
        assert image_set.are_pixels()
        assert np.array_equal(np.concatenate(list(image_set.pixel_batches(2))), as_taken)
    others = np.random.default_rng(0).standard_normal((3, 3, *SPEC.size)).astype(np.float32)
    assert not ImageSet(identities, tuple(others), SPEC).are_pixels()


def test_identical_files_are_one_image(tmp_path: Path) -> None:
    paths = write_images(tmp_path, 40)
    for index, path in enumerate(paths):
        shutil.copy(path, tmp_path / f"copy{index}.png")

    split = split_images(tmp_path, SPEC, seed=0)

    assert (len(split.calibration), len(split.parity)) == (32, 8)
    assert_no_overlap(split)


def test_broken_images_are_counted_and_do_not_count(tmp_path: Path) -> None:
    paths = write_images(tmp_path, 50)
    for path in paths[10:20]:
        path.write_bytes(path.read_bytes()[:60])
    shutil.copy(paths[10], tmp_path / "same.jpg")

    split = split_images(tmp_path, SPEC, seed=0)

    assert (len(split.calibration), len(split.parity)) == (32, 8)
    assert [skipped.image for skipped in split.skipped] == [
        *map(str, paths[10:20]),
        str(tmp_path / "same.jpg"),
    ]


def test_broken_images_are_replaced_from_a_large_folder(tmp_path: Path) -> None:
    for path in write_images(tmp_path, 600)[::3]:
        path.write_bytes(path.name.encode())

    split = split_images(tmp_path, SPEC, seed=0)

    assert (len(split.calibration), len(split.parity)) == (128, 256)
    assert 0 < len(split.skipped) <= 200


def test_a_large_folder_is_not_decoded_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_images(tmp_path, 300)
    decoded = []
    monkeypatch.setattr("ca_deploy.images.loading.decode", lambda path: decoded.append(path) or decode(path))

    split_images(tmp_path, SPEC, seed=0, calibration_count=20, parity_count=10)

    assert 30 <= len(decoded) <= 40


def test_progress_hears_of_reading_and_decoding(tmp_path: Path) -> None:
    write_images(tmp_path, 40)
    stream = StringIO()

    split_images(tmp_path, SPEC, seed=0, progress=Lines(stream, seconds_between=0))

    assert "39/40 files read" in stream.getvalue()
    assert "39/40 images decoded" in stream.getvalue()


@pytest.mark.parametrize("seed", range(10))
def test_groups_stay_on_one_side(tmp_path: Path, seed: int) -> None:
    paths = write_images(tmp_path / "photos", 90)
    group_of = {path.name: f"photo{index % 9}" for index, path in enumerate(paths)}
    write_table(tmp_path / "photos", list(group_of.items()))

    split = split_images(tmp_path, SPEC, seed=seed, calibration_count=35)

    assert (len(split.calibration), len(split.parity)) == (35, 50)  # 4 groups for 35, the last cut at 5
    by_content = {normalised(path): group_of[path.name] for path in paths}
    sides = [
        {by_content[image.tobytes()] for image in side.first(90)}
        for side in (split.calibration, split.parity)
    ]
    assert not sides[0] & sides[1]


def normalised(path: Path) -> bytes:
    return normalise(resize_and_crop(decode(path), SPEC), SPEC).tobytes()


@pytest.mark.parametrize("seed", range(10))
def test_a_group_larger_than_the_rest_leaves_parity_its_share(tmp_path: Path, seed: int) -> None:
    paths = write_images(tmp_path, 150)
    write_table(tmp_path, [(path.name, "film") for path in paths[:120]])

    split = split_images(tmp_path, SPEC, seed=seed)

    assert (len(split.calibration), len(split.parity)) == (120, 30)


@pytest.mark.parametrize(
    ("sizes", "calibration", "parity"),
    [
        ([1] * 100, range(80), range(80, 100)),
        ([50, 50], range(50), range(50, 100)),
        ([70, 20, 10], range(80), range(90, 100)),
        ([70, 25, 5], range(70), range(70, 100)),
        ([100], range(0), range(100)),
        ([], range(0), range(0)),
    ],
)
def test_sides(sizes: list[int], calibration: range, parity: range) -> None:
    groups = [group for group, size in enumerate(sizes) for _ in range(size)]

    assert split_sides(groups, 128, 256) == (calibration, parity)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name,group\n00000.png,a\n", "sources.csv: the column 'file' is missing"),
        ("file,group\n00000.png,a\n\ngone.png,a\n", "sources.csv, line 4: there is no image 'gone.png'"),
        ('file,group\n"00000.png,a\n', "sources.csv: cannot be read as CSV"),
    ],
)
def test_unusable_table_is_refused(tmp_path: Path, content: str, message: str) -> None:
    write_images(tmp_path, 40)
    (tmp_path / "sources.csv").write_text(content)

    with pytest.raises(UserError) as caught:
        split_images(tmp_path, SPEC, seed=0)
    assert message in str(caught.value)


def test_too_few_images_say_how_many_there_are(tmp_path: Path) -> None:
    paths = write_images(tmp_path, 30)
    paths[0].write_bytes(b"")

    with pytest.raises(UserError) as caught:
        split_images(tmp_path, SPEC, seed=0)

    assert str(caught.value) == (
        f"{tmp_path}: too few images: 29 different usable ones; 1 skipped, such as {paths[0]}: no JPEG, "
        "PNG or WebP data; 36 are the least (four fifths calibrate, 8 others must be left for parity), "
        "40 or more are better"
    )


@pytest.mark.parametrize(("count", "least"), [(128, 36), (16, 24)])
def test_the_least_that_is_named_is_enough(tmp_path: Path, count: int, least: int) -> None:
    paths = write_images(tmp_path, least)
    assert len(split_images(tmp_path, SPEC, seed=0, calibration_count=count).parity) == 8
    paths[0].unlink()
    with pytest.raises(UserError, match=f"; {least} are the least"):
        split_images(tmp_path, SPEC, seed=0, calibration_count=count)


def test_too_few_groups_say_so(tmp_path: Path) -> None:
    write_table(tmp_path, [(path.name, "film") for path in write_images(tmp_path, 100)])

    with pytest.raises(UserError, match="100 different usable ones in 1 group"):
        split_images(tmp_path, SPEC, seed=0)


def test_only_broken_images_are_too_few(tmp_path: Path) -> None:
    for index in range(50):
        (tmp_path / f"{index}.jpg").write_bytes(bytes([index]))

    with pytest.raises(UserError, match=r"0 different usable ones; 50 skipped"):
        split_images(tmp_path, SPEC, seed=0)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gone", "gone: there is no such folder of images; give a folder"),
        ("notes.txt", "notes.txt: neither a folder nor a .npz file; give a folder"),
        ("empty", "empty: no JPEG, PNG or WebP images in this folder or its subfolders"),
        ("texts", "texts: no JPEG, PNG or WebP images in this folder or its subfolders"),
    ],
)
def test_unusable_source_is_refused(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "notes.txt").touch()
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts" / "deep").mkdir(parents=True)
    (tmp_path / "texts" / "deep" / "a.txt").touch()

    with pytest.raises(UserError) as caught:
        split_images(tmp_path / name, SPEC, seed=0)
    assert message in str(caught.value)


def test_archive_is_split_like_a_folder(tmp_path: Path) -> None:
    inputs = np.random.default_rng(0).standard_normal((50, 3, 8, 8)).astype(np.float32)
    np.savez(tmp_path / "inputs.npz", images=inputs)

    split = split_images(tmp_path / "inputs.npz", SPEC, seed=0)

    assert (len(split.calibration), len(split.parity)) == (40, 10)
    given = np.concatenate([split.calibration.first(40), split.parity.first(10)])
    assert {image.tobytes() for image in given} == {image.tobytes() for image in inputs}


def test_noise_is_given_by_name_only_and_warns() -> None:
    first, second = (split_images("noise", SPEC, seed=3, parity_count=10) for _ in range(2))

    assert (len(first.calibration), len(first.parity)) == (128, 10)
    assert_no_overlap(first)
    assert first.warning is not None
    assert "random noise" in first.warning
    assert np.array_equal(first.calibration.first(128), second.calibration.first(128))
    other_seed = split_images("noise", SPEC, seed=4, parity_count=10)
    assert not set(other_seed.calibration.identities) & set(first.calibration.identities)
