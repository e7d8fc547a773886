"""From an image file to upright 8-bit RGB pixels, whatever the file stores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from ca_deploy.errors import UserError

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})
_FORMATS = ("JPEG", "PNG", "WEBP")

_ORIENTATION_TAG = 0x0112
# EXIF 2.32, section 4.6.4: what brings the stored rows and columns upright; 1 is upright already.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class BrokenImageError(UserError):
    """A file that is no image, is truncated, or would unpack to more pixels than any camera takes.

    Attributes:
        reason: what is wrong, without the file's name.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: not a usable image ({reason}); replace or remove it")
        self.reason = reason


def decode(path: Path) -> Image.Image:
    """Decode a JPEG, PNG or WebP file (recognised by its content) to an upright RGB image.

    EXIF rotation is applied. Grey, palette and CMYK become RGB; CMYK in JPEG is taken as Adobe writes it
    (inverted), as Pillow does. Transparent pixels are laid over white, as a gallery shows them: what lies
    hidden under them was never meant to be seen. 16-bit samples keep their upper 8 bits. Of an animation
    the first frame counts. Colour profiles are not applied, as in the usual training pipelines.

    Raises:
        BrokenImageError: when the file cannot be decoded to its end, or has more than twice
            `PIL.Image.MAX_IMAGE_PIXELS` pixels (a decompression bomb).
    """
    try:
        with Image.open(path, formats=_FORMATS) as image:
            image.load()
            return _to_rgb(_upright(image))
    except Exception as error:  # on damaged files Pillow's decoders raise nearly anything
        raise BrokenImageError(path, _reason(error)) from error


def _upright(image: Image.Image) -> Image.Image:
    turn = _UPRIGHT.get(_orientation(image))
    return image if turn is None else image.transpose(turn)


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION_TAG, 1))
    except Exception:  # damaged metadata says nothing about the pixels, which have been read already
        return 1


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):
        # Pillow's own conversion would clip at 255; of 16-bit colour it keeps the upper 8 bits, as here.
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")


def _reason(error: Exception) -> str:
    """The error in a few words on one line, without the path that Pillow puts into some of them."""
    if isinstance(error, UnidentifiedImageError):
        return "no JPEG, PNG or WebP data"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, Image.DecompressionBombError):
        return "too many pixels"
    return " ".join(str(error).split()) or type(error).__name__
