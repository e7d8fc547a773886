"""Cut the calibration photographs from photographs that Debian and Python packages ship.

It needs Pillow, NumPy, `dpkg-deb` and the packages, from which it reads without installing them (Debian 12):

    cd PACKAGES
    apt-get download gcompris-qt-data=3.1-2 \
        lomiri-wallpapers-16.04=20.04.0-2 lomiri-wallpapers-20.04=20.04.0-2
    pip download --no-deps scikit-image==0.26.0 scikit-learn==1.9.1 matplotlib==3.10.7
    pip download --no-deps --only-binary :all: --python-version 3.9 \
        --platform manylinux_2_17_x86_64 scipy==1.9.3
    python calibration/make_photos.py PACKAGES

`originals.csv` names each photograph: its package, its place in it (`archive.rcc:file` in an archive of Qt
resources), the sha256 of the file, where it comes from, its licence and author, and how many crops are cut:
one is the largest square in the middle, two add a closer square inside it, for what fills the frame. The
result is the same on every machine with the same Pillow (13.0.0 made the files in `photos/`).
"""

from __future__ import annotations

import argparse
import bz2
import csv
import hashlib
import io
import pickle
import subprocess
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image
from qt_resources import read_resource

HERE = Path(__file__).parent
SIDE = 224  # pixels of each image that ships
QUALITY = 85  # JPEG
CLOSER = 2 / 3  # side of the second crop, of the first one's


def main() -> None:
    """Write `photos/*.jpg` and `photos/sources.csv` beside this file."""
    parser = argparse.ArgumentParser(description="Cut the calibration photographs.")
    parser.add_argument("packages", type=Path, help="folder with the .deb and .whl files")
    packages = parser.parse_args().packages
    photos = HERE / "photos"
    photos.mkdir(exist_ok=True)
    for old in photos.glob("*.jpg"):
        old.unlink()
    with (HERE / "originals.csv").open(encoding="utf-8", newline="") as file:
        originals = list(csv.DictReader(file))
    with (photos / "sources.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("file", "group", "package", "source", "licence", "author"))
        for original in originals:
            credit = [original[key] for key in ("group", "package", "source", "licence", "author")]
            for number, crop in enumerate(
                cut(read_original(original, packages), int(original["crops"])), start=1
            ):
                name = f"{original['group']}-{number}.jpg"
                crop.save(photos / name, quality=QUALITY, optimize=True)
                table.writerow((name, *credit))


def read_original(original: dict[str, str], packages: Path) -> Image.Image:
    """The photograph of one row of `originals.csv`, in RGB, once its file is known to be the expected one."""
    name, version = original["package"].split()
    path, _, inner = original["member"].partition(":")
    content = _opened(packages, name, version)(path)
    if inner:
        content = read_resource(content, inner)
    if hashlib.sha256(content).hexdigest() != original["sha256"]:
        raise SystemExit(f"{name} {version}: {original['member']} is not the expected file")
    return _decode(content, path)


@cache
def _opened(packages: Path, name: str, version: str) -> Callable[[str], bytes]:
    """What reads a file of a package by its path."""
    for wheel in packages.glob(f"{name.replace('-', '_')}-{version}-*.whl"):
        return zipfile.ZipFile(wheel).read
    for package in packages.glob(f"{name}_{version}_*.deb"):
        return _files(package).__getitem__
    raise SystemExit(f"{packages}: {name} {version} is missing; see the top of this script")


def _files(package: Path) -> dict[str, bytes]:
    """The content of each file of a Debian package by its path."""
    archive = subprocess.run(["dpkg-deb", "--fsys-tarfile", package], check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        opened = ((member.name, files.extractfile(member)) for member in files if member.isfile())
        return {name.removeprefix("./"): file.read() for name, file in opened if file}


def _decode(content: bytes, path: str) -> Image.Image:
    if path.endswith("face.dat"):  # SciPy's own format: raw RGB pixels, compressed
        return Image.fromarray(np.frombuffer(bz2.decompress(content), np.uint8).reshape(768, 1024, 3))
    if path.endswith("ascent.dat"):  # SciPy's own format: pickled rows; the sha256 says that they are these
        return Image.fromarray(np.array(pickle.loads(content), np.uint8))
    image = Image.open(io.BytesIO(content)).convert("RGBA")
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image).convert("RGB")


def cut(photo: Image.Image, crops: int) -> Iterator[Image.Image]:
    """The first `crops` squares of the photograph, from wide to close, resized to `SIDE`."""
    widest = min(photo.size)
    for side in (widest, round(widest * CLOSER))[:crops]:
        left, top = (photo.width - side) // 2, (photo.height - side) // 2
        window = photo.crop((left, top, left + side, top + side))
        yield window.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


if __name__ == "__main__":
    main()
