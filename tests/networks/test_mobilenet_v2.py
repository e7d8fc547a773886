import pytest
import torch

from ca_deploy.networks.mobilenet_v2 import MobileNetV2, channel_counts, rounded_channels


@pytest.mark.parametrize(
    ("attention", "parameters"),
    [("none", 3_504_872), ("se", 3_888_208), ("cbam", 3_889_776), ("ca", 3_950_648)],
)
def test_parameters_are_those_of_the_paper(attention, parameters):
    assert sum(parameter.numel() for parameter in MobileNetV2(attention).parameters()) == parameters


@pytest.mark.parametrize(
    ("channels", "rounded"), [(3, 8), (8.8, 8), (8.9, 16), (11.2, 16), (12, 16), (48, 48), (52, 56)]
)
def test_channels_are_rounded_to_eights_and_lose_at_most_a_tenth(channels, rounded):
    assert rounded_channels(channels) == rounded


def test_last_convolution_grows_with_widths_above_one_only():
    assert [channel_counts(width)[-1] for width in (0.35, 1.0, 1.4)] == [1280, 1280, 1792]


def test_keys_are_those_of_the_published_checkpoint(network):
    keys = {key.rsplit(".", 1)[0] for key in network.state_dict()}
    attention = {f"features.2.conv.6.{name}" for name in ("conv1", "bn1", "conv2", "conv3")}
    expanding = {f"features.2.conv.{index}" for index in (0, 1, 3, 4, 7, 8)}
    assert {key for key in keys if key.startswith("features.2.")} == attention | expanding
    assert {key for key in keys if key.startswith("features.1.")} == {
        f"features.1.conv.{i}" for i in (0, 1, 3, 4)
    }
    others = {"features.0.0", "features.0.1", "conv.0", "conv.1", "classifier.1"}
    assert {key for key in keys if ".conv." not in key} == others
    assert {key.split(".")[1] for key in keys if key.startswith("features.")} == {str(i) for i in range(18)}


@pytest.mark.parametrize("attention", ["none", "se", "cbam", "ca"])
def test_logits_have_one_column_per_class_at_any_size(attention):
    network = MobileNetV2(attention, width=0.35, classes=6).eval()
    assert network(torch.zeros(2, 3, 32, 48)).shape == (2, 6)


def test_resolution_is_halved_five_times(network):
    assert network.conv(network.features(torch.zeros(1, 3, 224, 224))).shape == (1, 1280, 7, 7)
