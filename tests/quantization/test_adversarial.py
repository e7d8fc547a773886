import numpy as np
import pytest
import torch
from torch import nn

from ca_deploy.progress import Silent
from ca_deploy.quantization.adversarial import adversarial_images
from ca_deploy.quantization.calibration import Calibration, calibration_of


@pytest.fixture(scope="module")
def network():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1), nn.ReLU6(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5)
        ).eval()


def logits(network, images):
    with torch.inference_mode():
        return network(torch.from_numpy(images)).numpy()


def test_every_class_is_reached_further_than_by_any_image(network, image_set, images):
    found = adversarial_images(network, image_set(images), Silent())
    assert found.shape == (32, *images.shape[1:])
    assert (logits(network, found).max(0) > logits(network, images).max(0)).all()


def test_neighbours_stay_within_eight_grey_levels_and_the_channels_range(network, image_set, images):
    found = adversarial_images(network, image_set(images), Silent())
    span = images.max((0, 2, 3)) - images.min((0, 2, 3))
    distances = np.abs(found[:, None] - images[None]).max((3, 4)) / span
    assert distances.max(2).min(1).max() <= 8 / 255 + 1e-6
    assert found.min() >= images.min()
    assert found.max() <= images.max()


def test_the_same_images_give_the_same_neighbours(network, image_set, images):
    before = torch.get_num_threads()
    one = adversarial_images(network, image_set(images), Silent())
    torch.set_num_threads(2)
    try:
        other = adversarial_images(network, image_set(images), Silent())
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(one, other)


def test_more_classes_than_places_take_the_largest_logits(image_set, images):
    found = adversarial_images(nn.Flatten(), image_set(images), Silent())  # a logit per pixel
    assert found.shape == (32, *images.shape[1:])


def test_a_network_without_gradient_is_calibrated_on_its_images_alone_and_it_says_so(image_set, images):
    class Rounding(nn.Module):
        def forward(self, x):
            return x.flatten(1).detach()

    calibration = calibration_of(Rounding(), image_set(images), Silent())
    assert [len(batch) for batch in calibration.batches(Silent())] == [16, 8]
    assert len(calibration.warnings) == 1
    assert "no gradient" in calibration.warnings[0]


def test_ranges_are_measured_on_the_neighbours_too(network, image_set, images):
    calibration = calibration_of(network, image_set(images), Silent())
    assert [len(batch) for batch in calibration.batches(Silent())] == [16, 8, 32]
    assert [len(batch) for batch in Calibration(image_set(images)).batches(Silent())] == [16, 8]
