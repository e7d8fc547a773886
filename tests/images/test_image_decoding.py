import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ca_deploy.errors import UserError
from ca_deploy.images import BrokenImageError, decode

ORIENTATION = 0x0112
# How a camera that stores this orientation turned the upright picture (EXIF 2.32, section 4.6.4).
STORED = {
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.transpose(1, 0, 2),
    6: lambda upright: np.rot90(upright, 1),
    7: lambda upright: upright[::-1, ::-1].transpose(1, 0, 2),
    8: lambda upright: np.rot90(upright, -1),
}


def random_pixels(height: int = 6, width: int = 9, channels: int = 3) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (height, width, channels), dtype=np.uint8)


def smooth_photo() -> Image.Image:
    return Image.fromarray(random_pixels(4, 4)).resize((64, 48), Image.Resampling.BICUBIC)


def write_png16(path: Path, samples: NDArray[np.uint16]) -> None:
    """16 bits per sample, which Pillow cannot write in colour."""
    height, width, channels = samples.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    header = struct.pack(">IIBBBBB", width, height, 16, {1: 0, 3: 2}[channels], 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + b"".join(
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
            for kind, data in chunks
        )
    )


@pytest.mark.parametrize("orientation", STORED)
def test_exif_rotation_is_applied(tmp_path: Path, orientation: int) -> None:
    upright = random_pixels()
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    path = tmp_path / "turned.png"
    Image.fromarray(np.ascontiguousarray(STORED[orientation](upright))).save(path, exif=exif)

    assert np.array_equal(np.asarray(decode(path)), upright)


@pytest.mark.parametrize("suffix", ["jpg", "webp"])
def test_exif_rotation_is_read_from_other_formats(tmp_path: Path, suffix: str) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    path = tmp_path / f"turned.{suffix}"
    smooth_photo().save(path, exif=exif)

    assert decode(path).size == (48, 64)


def test_damaged_exif_does_not_lose_the_photograph(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    smooth_photo().save(path, exif=b"Exif\0\0damaged metadata")

    assert decode(path).size == (64, 48)


def test_grey_gets_three_equal_channels(tmp_path: Path) -> None:
    grey = random_pixels(channels=1)[..., 0]
    Image.fromarray(grey).save(tmp_path / "grey.png")

    assert np.array_equal(np.asarray(decode(tmp_path / "grey.png")), np.stack([grey] * 3, axis=-1))


def test_one_bit_is_black_and_white(tmp_path: Path) -> None:
    bits = np.array([[True, False], [False, True]])
    Image.fromarray(bits).save(tmp_path / "bits.png")

    assert np.asarray(decode(tmp_path / "bits.png"))[..., 0].tolist() == [[255, 0], [0, 255]]


def test_palette_is_looked_up(tmp_path: Path) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putpixel((1, 0), 1)
    image.save(tmp_path / "palette.png")

    assert np.asarray(decode(tmp_path / "palette.png")).tolist() == [[[10, 20, 30], [200, 100, 50]]]


def test_transparent_palette_entry_shows_white(tmp_path: Path) -> None:
    image = Image.new("P", (1, 1))
    image.putpalette([10, 20, 30])
    image.save(tmp_path / "palette.png", transparency=0)

    assert decode(tmp_path / "palette.png").getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize("suffix", ["png", "webp"])
def test_alpha_is_laid_over_white(tmp_path: Path, suffix: str) -> None:
    image = Image.new("RGBA", (3, 1))
    image.putdata([(200, 0, 0, 255), (0, 0, 0, 0), (0, 0, 0, 51)])
    path = tmp_path / f"alpha.{suffix}"
    image.save(path, lossless=True)

    assert np.asarray(decode(path)).tolist() == [[[200, 0, 0], [255, 255, 255], [204, 204, 204]]]


def test_grey_with_alpha_is_laid_over_white(tmp_path: Path) -> None:
    Image.new("LA", (1, 1), (0, 51)).save(tmp_path / "alpha.png")

    assert decode(tmp_path / "alpha.png").getpixel((0, 0)) == (204, 204, 204)


def test_inverted_cmyk_of_adobe_keeps_its_colours(tmp_path: Path) -> None:
    photo = smooth_photo()
    path = tmp_path / "print.jpg"
    photo.convert("CMYK").save(path, quality=95)
    assert b"Adobe" in path.read_bytes()

    difference = np.asarray(decode(path)).astype(int) - np.asarray(photo).astype(int)
    assert np.abs(difference).mean() < 3


@pytest.mark.parametrize("channels", [1, 3])
def test_16_bits_are_scaled_not_clipped(tmp_path: Path, channels: int) -> None:
    samples = np.linspace(0, 65535, 5 * 7 * channels).astype(np.uint16).reshape(5, 7, channels)
    write_png16(tmp_path / "deep.png", samples)

    expected = np.broadcast_to(samples >> 8, (5, 7, 3))
    assert np.array_equal(np.asarray(decode(tmp_path / "deep.png")), expected)


def test_stereo_photograph_of_a_phone_gives_its_first_picture(tmp_path: Path) -> None:
    first, second = Image.new("RGB", (16, 16), "red"), Image.new("RGB", (16, 16), "blue")
    first.save(tmp_path / "stereo.jpg", format="MPO", save_all=True, append_images=[second])

    red, _, blue = np.asarray(decode(tmp_path / "stereo.jpg"))[0, 0]
    assert red > 250
    assert blue < 5


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_truncated_file_is_broken(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"cut.{suffix}"
    Image.fromarray(random_pixels(64, 64)).save(path)
    path.write_bytes(path.read_bytes()[:-1000])

    with pytest.raises(BrokenImageError) as caught:
        decode(path)
    assert str(caught.value) == f"{path}: not a usable image ({caught.value.reason}); replace or remove it"


@pytest.mark.parametrize("content", [b"", b"<html>404 Not Found</html>"])
def test_file_without_image_is_broken(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "page.jpg"
    path.write_bytes(content)

    with pytest.raises(UserError, match=r"page\.jpg: .*no JPEG, PNG or WebP data"):
        decode(path)


def test_other_formats_under_a_known_suffix_are_broken(tmp_path: Path) -> None:
    path = tmp_path / "animation.png"
    smooth_photo().save(path, format="GIF")

    with pytest.raises(BrokenImageError, match="no JPEG, PNG or WebP data"):
        decode(path)


def test_decompression_bomb_is_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "bomb.png"
    smooth_photo().save(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 64 * 48 // 2 - 1)

    with pytest.raises(BrokenImageError, match="too many pixels"):
        decode(path)


def test_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(BrokenImageError, match="No such file"):
        decode(tmp_path / "gone.jpg")
