from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ca_deploy.errors import UserError
from ca_deploy.images import ImageArchive, normalise, resize_and_crop
from ca_deploy.progress import Silent
from ca_deploy.recipe import InputSpec

SPEC = InputSpec(size=(8, 8), resize=10)
RAW = np.random.default_rng(0).integers(0, 256, (6, 12, 16, 3), dtype=np.uint8)
INPUTS = np.random.default_rng(0).standard_normal((6, 3, 8, 8)).astype(np.float32)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_raw_pixels_are_preprocessed(tmp_path: Path, save) -> None:
    save(tmp_path / "raw.npz", images=RAW)
    archive = ImageArchive(tmp_path / "raw.npz", SPEC)

    candidates, skipped = archive.candidates(Silent())
    taken, broken = archive.take(candidates[::-1], 4, SPEC, Silent())

    assert (skipped, broken) == ([], [])
    assert [candidate.index for candidate, _ in taken] == [5, 4, 3, 2]
    for candidate, pixels in taken:
        assert np.array_equal(pixels, resize_and_crop(Image.fromarray(RAW[candidate.index]), SPEC))


def test_preprocessed_inputs_are_taken_as_they_are(tmp_path: Path) -> None:
    np.savez(tmp_path / "inputs.npz", images=INPUTS)
    archive = ImageArchive(tmp_path / "inputs.npz", SPEC)

    candidates, _ = archive.candidates(Silent())
    taken, _ = archive.take(candidates, 6, SPEC, Silent())

    assert np.array_equal(np.stack([pixels for _, pixels in taken]), INPUTS)


def test_whether_it_begins_with_pixels_is_asked_of_the_first_image_that_is_used(tmp_path: Path) -> None:
    normalised = normalise(RAW[:, :8, :8], SPEC)
    normalised[0, 0, 0, 0] = np.nan
    for name, images, pixels in (("raw", RAW, True), ("were", normalised, True), ("other", INPUTS, False)):
        np.savez(tmp_path / f"{name}.npz", images=images)
        assert ImageArchive(tmp_path / f"{name}.npz", SPEC).begins_with_pixels() is pixels


def test_copies_are_one_candidate_and_nan_is_skipped(tmp_path: Path) -> None:
    inputs = INPUTS.copy()
    inputs[4] = inputs[1]
    inputs[2, 0, 3, 3] = np.nan
    path = tmp_path / "inputs.npz"
    np.savez(path, images=inputs)

    candidates, skipped = ImageArchive(path, SPEC).candidates(Silent())

    assert [candidate.index for candidate in candidates] == [0, 1, 3, 5]
    assert candidates[1].places == (f"{path}[1]", f"{path}[4]")
    assert list(map(str, skipped)) == [f"{path}[2]: NaN or Inf in it"]


@pytest.mark.parametrize(
    "array",
    [
        INPUTS.astype(np.float64),
        INPUTS.transpose(0, 2, 3, 1),
        INPUTS[:, :, :4],
        RAW[0],
        RAW[..., :1],
        RAW.astype(np.int64),
    ],
)
def test_another_layout_says_what_is_expected(tmp_path: Path, array) -> None:
    np.savez(tmp_path / "x.npz", images=array)

    with pytest.raises(UserError, match=r"expected uint8 \(N, H, W, 3\) .* or float32 \(N, 3, 8, 8\)"):
        ImageArchive(tmp_path / "x.npz", SPEC)


def test_another_key_is_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", pictures=RAW, labels=np.arange(6))

    with pytest.raises(UserError, match=r"no array 'images' in it \(it holds pictures, labels\)"):
        ImageArchive(tmp_path / "x.npz", SPEC)


def test_pickled_objects_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", images=np.array([RAW, None], dtype=object))

    with pytest.raises(UserError, match=r"'images' is object"):
        ImageArchive(tmp_path / "x.npz", SPEC)


def test_column_major_order_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", images=np.asfortranarray(RAW))

    with pytest.raises(UserError, match="column-major"):
        ImageArchive(tmp_path / "x.npz", SPEC)


def test_file_that_is_no_archive_says_how_to_write_one(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    path.write_bytes(b"not a zip file")

    with pytest.raises(UserError, match=r"x\.npz: cannot be read .* np\.savez\(path, images=array\)"):
        ImageArchive(path, SPEC)


def test_damaged_array_is_a_user_error(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, images=RAW)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(bytes(content))

    with pytest.raises(UserError, match=r"x\.npz: cannot be read .*CRC"):
        ImageArchive(path, SPEC).candidates(Silent())
