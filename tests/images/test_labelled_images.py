import hashlib

import numpy as np
import pytest
from PIL import Image

from ca_deploy.errors import UserError
from ca_deploy.images import LabelledImage, Skipped, open_labelled
from ca_deploy.recipe import InputSpec

SPEC = InputSpec(size=(8, 8))
LABELS = ("cat", "dog", "frog")


@pytest.fixture
def folder(tmp_path):
    for number, name in enumerate(("cat/a.png", "cat/deeper/b.png", "frog/c.png")):
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (10, 10), (number, 0, 0)).save(path)
    return tmp_path / "data"


def read(source, labels=LABELS):
    return list(open_labelled(source, labels, SPEC).stream(SPEC))


def test_the_folder_is_the_class_and_the_content_the_identity(folder):
    images = read(folder)
    assert [image.label for image in images] == [0, 0, 2]
    content = (folder / "cat/a.png").read_bytes()
    assert images[0].identity == hashlib.sha256(content).hexdigest()
    assert images[2].pixels.shape == (8, 8, 3)
    assert int(images[2].pixels[0, 0, 0]) == 2


def test_without_labels_the_folders_in_alphabetical_order_are_the_classes(folder):
    found = open_labelled(folder, None, SPEC)
    assert found.labels == ("cat", "frog")
    assert [image.label for image in found.stream(SPEC)] == [0, 0, 1]


def test_a_broken_image_is_skipped_in_its_place(folder):
    (folder / "cat/b.jpg").write_bytes(b"no picture")
    kinds = [type(image) for image in read(folder)]
    assert kinds == [LabelledImage, Skipped, LabelledImage, LabelledImage]


def test_a_table_gives_names_or_numbers(folder):
    table = folder / "labels.csv"
    table.write_text("path,label,note\ncat/a.png,frog,\nfrog/c.png,1,x\n")
    assert [image.label for image in read(table)] == [2, 1]
    assert open_labelled(table, None, SPEC).labels == ("1", "frog")


def test_an_archive_gives_numbers(tmp_path):
    images = np.arange(4 * 8 * 8 * 3, dtype=np.uint8).reshape(4, 8, 8, 3)
    np.savez(tmp_path / "four.npz", images=images, labels=np.array([2, 0, 1, 1]))
    found = read(tmp_path / "four.npz")
    assert [image.label for image in found] == [2, 0, 1, 1]
    assert found[3].identity == hashlib.sha256(images[3].data).hexdigest()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("nowhere", None, "there is no such folder or file"),
        ("data/Dogs/x.png", b"", "'Dogs' is none of the recipe's labels .did you mean 'dog'?"),
        ("data/hats/x.png", b"", "labels; they are: cat, dog, frog; one folder per class is expected"),
        ("t.csv", b"file,label\n", "its first line must be path,label; 'path' is missing"),
        ("t.csv", b"path,label\n", "names no images"),
        ("t.csv", b"path,label\nmissing.png,cat\n", "line 2: there is no file"),
        ("t.csv", b"path,label\nt.csv,7\n", "line 2: '7' is none of the recipe's labels"),
        ("t.csv", b"\xff\xfe\x00", "cannot be read as CSV"),
        ("t.npz", b"", "cannot be read"),
        ("t.txt", b"", "neither a folder of class folders nor a .csv"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line(tmp_path, name, content, message):
    path = tmp_path / name
    if content is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        read(tmp_path / "data" if "/" in name else path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (None, "no array 'labels'"),
        (np.array([0.5, 1]), "expected one integer for each of the 2 images"),
        (np.array([0]), "expected one integer for each of the 2 images"),
        (np.array([0, 3]), "goes beyond the 3 classes"),
        (np.array([-1, 0]), "goes beyond the 3 classes"),
    ],
)
def test_an_archive_s_labels_must_fit(tmp_path, labels, message):
    arrays = {"images": np.zeros((2, 8, 8, 3), np.uint8)} | ({} if labels is None else {"labels": labels})
    np.savez(tmp_path / "two.npz", **arrays)
    with pytest.raises(UserError, match=message):
        read(tmp_path / "two.npz")


def test_a_folder_without_folders_or_images_is_refused(tmp_path):
    with pytest.raises(UserError, match="holds no folders"):
        read(tmp_path)
    (tmp_path / "cat").mkdir()
    with pytest.raises(UserError, match="no JPEG, PNG or WebP images in the folders in it"):
        read(tmp_path)
