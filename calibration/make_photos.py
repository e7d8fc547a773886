"""Cut the calibration photographs from sample images that Python packages ship.

It needs Pillow and NumPy, and the wheels that hold the samples, from which it reads without installing them:

    pip download --no-deps --dest WHEELS scikit-image==0.26.0 scikit-learn==1.9.1 matplotlib==3.10.7
    pip download --no-deps --dest WHEELS --only-binary :all: --python-version 3.9 \
        --platform manylinux_2_17_x86_64 scipy==1.9.3
    python calibration/make_photos.py WHEELS

Each sample is told by its sha256, so another version of a package with the same sample does as well. The
result is the same on every machine with the same Pillow (13.0.0 made the files in `photos/`).

A photograph is cut at several scales: its shorter side is divided by 1, 2, 3 or 4, and square windows of
that length are laid evenly along both sides, so that windows of one scale do not overlap, or (along the
longer side) by at most half. Windows in which nothing is to be seen, like a clear sky, are left out.
"""

from __future__ import annotations

import argparse
import bz2
import csv
import hashlib
import io
import pickle
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageStat

SIDE = 256  # pixels of each image that ships
QUALITY = 88  # JPEG
MIN_CONTRAST = 8.0  # standard deviation of a window's grey levels

CC0 = "CC0-1.0"
CC_BY = "CC-BY-2.0"
PUBLIC_DOMAIN = "public domain"


@dataclass(frozen=True)
class Photo:
    """A sample image, and how it is cut.

    Attributes:
        group: names its files and its group in sources.csv.
        member: its path in the wheel.
        sha256: of that file.
        source: where the package has it from.
        licence: SPDX identifier, or "public domain".
        author: whom to credit.
        divisions: of the shorter side, one for each scale.
    """

    group: str
    member: str
    sha256: str
    source: str
    licence: str
    author: str
    divisions: tuple[int, ...] = (1, 2, 3)


PHOTOS = (
    Photo(
        "ascent",
        "scipy/misc/ascent.dat",
        "e8a84939484463ab8051aedc5b40aa262ab33a91d6458a6cd13c6a1cad5a023d",
        "https://pixnio.com/people/accent-to-the-top",
        PUBLIC_DOMAIN,
        "public-domain-image.com",
    ),
    Photo(
        "astronaut",
        "skimage/data/astronaut.png",
        "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
        "https://flic.kr/p/r9qvLn",
        PUBLIC_DOMAIN,
        "NASA",
    ),
    Photo(
        "brick",
        "skimage/data/brick.png",
        "7966caf324f6ba843118d98f7a07746d22f6a343430add0233eca5f6eaaa8fcf",
        "https://cc0textures.com/view.php?tex=Bricks25",
        CC0,
        "cc0textures.com",
    ),
    Photo(
        "camera",
        "skimage/data/camera.png",
        "b0793d2adda0fa6ae899c03989482bff9a42d3d5690fc7e3648f2795d730c23a",
        "https://github.com/scikit-image/scikit-image/issues/3927",
        CC0,
        "Lav Varshney",
    ),
    Photo(
        "cat",
        "skimage/data/chelsea.png",
        "596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb",
        "https://scikit-image.org/docs/stable/api/skimage.data.html#skimage.data.cat",
        CC0,
        "Stefan van der Walt",
        (1, 2),
    ),
    Photo(
        "clock",
        "skimage/data/clock_motion.png",
        "f029226b28b642e80113d86622e9b215ee067a0966feaf5e60604a1e05733955",
        "https://scikit-image.org/docs/stable/api/skimage.data.html#skimage.data.clock",
        PUBLIC_DOMAIN,
        "Stefan van der Walt",
        (1, 2),
    ),
    Photo(
        "coffee",
        "skimage/data/coffee.png",
        "cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7",
        "https://scikit-image.org/docs/stable/api/skimage.data.html#skimage.data.coffee",
        CC0,
        "Rachel Michetti (courtesy of Pikolo Espresso Bar)",
    ),
    Photo(
        "flower",
        "sklearn/datasets/images/flower.jpg",
        "a77f6ec41e353afdf8bdff2ea981b2955535d8d83294f8cfa49cf4e423dd5638",
        "https://www.flickr.com/photos/vultilion/6056698931/",
        CC_BY,
        "vultilion on Flickr (scikit-learn's README also names danielbuechele)",
    ),
    Photo(
        "grass",
        "skimage/data/grass.png",
        "b6b6022426b38936c43a4ac09635cd78af074e90f42ffa8227ac8b7452d39f89",
        "https://www.deviantart.com/linolafett/art/Grass-01-434853879",
        CC0,
        "linolafett on DeviantArt",
    ),
    Photo(
        "gravel",
        "skimage/data/gravel.png",
        "c48615b451bf1e606fbd72c0aa9f8cc0f068ab7111ef7d93bb9b0f2586440c12",
        "https://cc0textures.com/view.php?tex=Gravel04",
        CC0,
        "cc0textures.com",
    ),
    Photo(
        "hopper",
        "matplotlib/mpl-data/sample_data/grace_hopper.jpg",
        "a8ca6d734765703b09728ab47fe59f473d93ae3967fc24c7c0288c3c7adb7130",
        "https://github.com/matplotlib/matplotlib/pull/1599",
        PUBLIC_DOMAIN,
        "U.S. Navy",
    ),
    Photo(
        "hubble",
        "skimage/data/hubble_deep_field.jpg",
        "3a19c5dd8a927a9334bb1229a6d63711b1c0c767fb27e2286e7c84a3e2c2f5f4",
        "http://hubblesite.org/newscenter/archive/releases/2012/37/image/a/",
        PUBLIC_DOMAIN,
        "NASA",
    ),
    Photo(
        "pagoda",
        "sklearn/datasets/images/china.jpg",
        "8378025ad2519d649d02e32bd98990db4ab572357d9f09841c2fbfbb4fefad29",
        "https://www.flickr.com/photos/danielbuechele/6061409035/",
        CC_BY,
        "danielbuechele on Flickr",
    ),
    Photo(
        "raccoon",
        "scipy/misc/face.dat",
        "9d8b0b4d081313e2b485748c770472e5a95ed1738146883d84c7030493e82886",
        "https://pixnio.com/fauna-animals/raccoons/raccoon-procyon-lotor",
        PUBLIC_DOMAIN,
        "public-domain-image.com",
        (1, 2, 4),
    ),
    Photo(
        "retina",
        "skimage/data/retina.jpg",
        "38a07f36f27f095e818aea7b96d34202c05176d30253c66733f2e00379e9e0e6",
        "https://commons.wikimedia.org/wiki/File:Fundus_photograph_of_normal_left_eye.jpg",
        CC0,
        "Mikael Häggström",
    ),
    Photo(
        "rocket",
        "skimage/data/rocket.jpg",
        "c2dd0de7c538df8d111e479619b129464d0269d0ae5fd18ca91d33a7fdfea95c",
        "https://www.flickr.com/photos/spacexphotos/16511594820/",
        PUBLIC_DOMAIN,
        "SpaceX",
    ),
)


def main() -> None:
    """Write `photos/*.jpg` and `photos/sources.csv` beside this file."""
    parser = argparse.ArgumentParser(description="Cut the calibration photographs.")
    parser.add_argument("wheels", type=Path, help="folder with the wheels")
    wheels = parser.parse_args().wheels
    photos = Path(__file__).parent / "photos"
    photos.mkdir(exist_ok=True)
    for old in photos.glob("*.jpg"):
        old.unlink()
    with (photos / "sources.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("file", "group", "source", "licence", "author"))
        for photo in PHOTOS:
            for number, crop in enumerate(cut(read_sample(photo, wheels), photo.divisions), start=1):
                name = f"{photo.group}-{number:02}.jpg"
                crop.save(photos / name, quality=QUALITY, optimize=True)
                table.writerow((name, photo.group, photo.source, photo.licence, photo.author))


def read_sample(photo: Photo, wheels: Path) -> Image.Image:
    """The sample, RGB or grey, from whichever wheel holds exactly that file."""
    for wheel in sorted(wheels.glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            if photo.member not in archive.namelist():
                continue
            content = archive.read(photo.member)
        if hashlib.sha256(content).hexdigest() == photo.sha256:
            return _decode(content, photo.member)
    raise SystemExit(f"{wheels}: no wheel holds the expected {photo.member}; see the top of this script")


def _decode(content: bytes, member: str) -> Image.Image:
    if member.endswith("face.dat"):  # SciPy's own format: raw RGB pixels, compressed
        return Image.fromarray(np.frombuffer(bz2.decompress(content), np.uint8).reshape(768, 1024, 3))
    if member.endswith("ascent.dat"):  # SciPy's own format: pickled rows; the sha256 says that they are these
        return Image.fromarray(np.array(pickle.loads(content), np.uint8))
    image = Image.open(io.BytesIO(content))
    return image.convert("L" if image.mode == "L" else "RGB")


def cut(photo: Image.Image, divisions: tuple[int, ...]) -> Iterator[Image.Image]:
    """Square windows of the photograph at each scale, resized to `SIDE`."""
    for division in divisions:
        side = min(photo.size) // division
        for top in _positions(photo.height, side):
            for left in _positions(photo.width, side):
                window = photo.crop((left, top, left + side, top + side))
                if ImageStat.Stat(window.convert("L")).stddev[0] >= MIN_CONTRAST:
                    yield window.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def _positions(length: int, side: int) -> list[int]:
    """Evenly spaced starts of windows of `side` that cover `length` from end to end."""
    count = round(length / side)
    if count == 1:
        return [(length - side) // 2]
    return [index * (length - side) // (count - 1) for index in range(count)]


if __name__ == "__main__":
    main()
