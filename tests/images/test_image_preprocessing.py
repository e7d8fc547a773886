import numpy as np
import pytest
from PIL import Image

from ca_deploy.images import normalise, resize_and_crop
from ca_deploy.recipe import InputSpec

FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


def photo(width: int, height: int) -> Image.Image:
    coarse = np.random.default_rng(0).integers(0, 256, (height // 4, width // 4, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def resize_then_crop(image: Image.Image, shorter: int, height: int, width: int, name: str) -> np.ndarray:
    """The usual two steps: the longer side is truncated, the margin rounded."""
    scale_to = (
        (shorter, int(shorter * image.height / image.width))
        if image.width <= image.height
        else (int(shorter * image.width / image.height), shorter)
    )
    resized = image.resize(scale_to, FILTERS[name])
    left, top = round((resized.width - width) / 2), round((resized.height - height) / 2)
    return np.asarray(resized.crop((left, top, left + width, top + height)))


@pytest.mark.parametrize("image_size", [(321, 211), (211, 321), (64, 64), (41, 57)])
@pytest.mark.parametrize("name", FILTERS)
def test_centre_crop_equals_resize_then_crop(image_size: tuple[int, int], name: str) -> None:
    image = photo(*image_size)
    spec = InputSpec(size=(56, 48), resize=64, interpolation=name)

    pixels = resize_and_crop(image, spec)

    assert pixels.shape == (56, 48, 3)
    assert pixels.dtype == np.uint8
    difference = np.abs(pixels.astype(int) - resize_then_crop(image, 64, 56, 48, name))
    if name == "nearest":  # where a sample falls between two pixels, rounding decides which is taken
        assert (difference > 0).mean() < 0.02
    else:
        assert difference.max() <= 2


def test_resize_defaults_to_the_share_that_imagenet_uses() -> None:
    image = photo(400, 300)

    default = resize_and_crop(image, InputSpec(size=(224, 224)))

    assert np.array_equal(default, resize_and_crop(image, InputSpec(size=(224, 224), resize=256)))


def test_crop_none_stretches_the_whole_image() -> None:
    image = photo(80, 40)

    pixels = resize_and_crop(image, InputSpec(size=(32, 48), crop="none", interpolation="bicubic"))

    assert np.array_equal(pixels, np.asarray(image.resize((48, 32), Image.Resampling.BICUBIC)))


def test_image_of_the_right_size_is_left_alone() -> None:
    image = photo(64, 64)

    assert np.array_equal(resize_and_crop(image, InputSpec(size=(64, 64), resize=64)), np.asarray(image))


def test_very_thin_image_costs_only_its_crop() -> None:
    """Resizing all of it would take 12 GB."""
    pixels = resize_and_crop(Image.new("RGB", (1, 60_000), "teal"), InputSpec())

    assert pixels.shape == (224, 224, 3)
    assert (pixels == (0, 128, 128)).all()


def test_normalise_scales_each_channel_and_puts_it_first() -> None:
    spec = InputSpec(size=(1, 2), mean=(0.5, 0.25, 0.0), std=(0.5, 0.25, 2.0))
    pixels = np.array([[[255, 0, 255], [0, 255, 51]]], np.uint8)

    normal = normalise(pixels, spec)

    assert normal.dtype == np.float32
    assert normal.flags.c_contiguous
    np.testing.assert_allclose(normal, [[[1, -1]], [[-1, 3]], [[0.5, 0.1]]], rtol=1e-6)


def test_normalise_takes_batches() -> None:
    spec = InputSpec(size=(4, 5))
    batch = np.random.default_rng(0).integers(0, 256, (3, 4, 5, 3), dtype=np.uint8)

    assert np.array_equal(normalise(batch, spec), np.stack([normalise(pixels, spec) for pixels in batch]))
