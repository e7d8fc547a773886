from pathlib import Path

import pytest
import torch

from ca_deploy.errors import UserError
from ca_deploy.networks import StatedArchitecture, build_network, read_checkpoint, save_checkpoint

SHIPPED = Path(__file__).parents[2] / "models" / "ca_mobilenetv2_cifar10.safetensors"


@pytest.fixture
def checkpoint(network, tmp_path):
    save_checkpoint(network, tmp_path / "mine.safetensors")
    return read_checkpoint(tmp_path / "mine.safetensors")


def test_weights_decide_what_is_not_stated(network, checkpoint, images):
    built = build_network(checkpoint, StatedArchitecture("recipe.toml"))
    assert not built.training
    assert torch.equal(built(images), network(images))


def test_a_stated_width_that_rounds_to_the_same_channels_agrees(network, checkpoint, images):
    built = build_network(
        checkpoint, StatedArchitecture("recipe.toml", attention="ca", width=0.345, classes=6)
    )
    assert torch.equal(built(images), network(images))


@pytest.mark.parametrize(
    ("stated", "contradictions"),
    [
        ({"attention": "se"}, ["attention se but the tensors have ca"]),
        ({"width": 1.0}, ["width 1 but the tensors have 0.35"]),
        ({"classes": 1000}, ["1000 classes but the tensors have 6"]),
        (
            {"width": 0.5, "classes": 7},
            ["width 0.5 but the tensors have 0.35", "7 classes but the tensors have 6"],
        ),
    ],
)
def test_a_stated_value_that_the_tensors_contradict_names_both(checkpoint, stated, contradictions):
    with pytest.raises(UserError) as raised:
        build_network(checkpoint, StatedArchitecture("recipe.toml", **stated))
    message = str(raised.value)
    assert message.startswith(f"recipe.toml contradicts {checkpoint.path}")
    assert all(contradiction in message for contradiction in contradictions)
    assert "\n" not in message


@pytest.mark.parametrize(
    ("stated", "hint"),
    [
        ({"attention": "cbma"}, "did you mean cbam?"),
        ({"attention": "self"}, "did you mean se?"),
        ({"attention": "xyz"}, "choose one of none, se, cbam, ca"),
        ({"width": 0.0}, "width 0 is impossible"),
        ({"width": float("nan")}, "width nan is impossible"),
        ({"classes": 0}, "0 classes are impossible"),
    ],
)
def test_an_impossible_value_is_refused(stated, hint):
    with pytest.raises(UserError, match=r"recipe\.toml") as raised:
        build_network(None, StatedArchitecture("recipe.toml", **stated))
    assert hint in str(raised.value)


def test_without_weights_the_network_is_untrained_and_always_the_same():
    stated = StatedArchitecture("recipe.toml", attention="se", width=0.35, classes=6)
    state = torch.random.get_rng_state()
    first, second = build_network(None, stated), build_network(None, stated)
    assert not first.training
    assert torch.equal(first.classifier[1].weight, second.classifier[1].weight)
    assert torch.equal(state, torch.random.get_rng_state())


def test_without_weights_the_published_network_is_the_default():
    network = build_network(None, StatedArchitecture("recipe.toml"))
    assert sum(parameter.numel() for parameter in network.parameters()) == 3_950_648


def test_the_shipped_weights_load(images):
    checkpoint = read_checkpoint(SHIPPED)
    network = build_network(
        checkpoint, StatedArchitecture("recipe.toml", attention="ca", width=0.5, classes=10)
    )
    with torch.no_grad():
        confidence = network(images).softmax(dim=1).amax(dim=1)
    assert checkpoint.sha256 == "c656cf9acead8492da986da387df7ffb3380e8f9269007664280311b1ece9ef4"
    assert confidence.mean() > 0.3  # untrained: 0.1
