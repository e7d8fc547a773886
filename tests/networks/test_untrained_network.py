import pytest
import torch

from ca_deploy.networks import Architecture, untrained_network


@pytest.mark.parametrize("attention", ["none", "se", "cbam", "ca"])
def test_logits_differ_between_images(attention, images):
    network = untrained_network(Architecture(attention, 0.35, 6), images, seed=1)
    with torch.no_grad():
        logits = network(images)
    assert not network.training
    assert logits.std(dim=0).mean() > 0.05 * logits.abs().max()


def test_statistics_are_those_of_the_images(images):
    network = untrained_network(Architecture("ca", 0.35, 6), images, seed=1)
    convolution, norm = network.features[0][0], network.features[0][1]
    activations = convolution(images)
    assert torch.allclose(norm.running_mean, activations.mean(dim=(0, 2, 3)), atol=1e-5)
    assert torch.allclose(norm.running_var, activations.var(dim=(0, 2, 3)), rtol=1e-4)
    assert norm.momentum == torch.nn.BatchNorm2d(1).momentum


def test_seed_decides_the_weights_and_nothing_else_does(images):
    state = torch.random.get_rng_state()
    first, same, other = (
        untrained_network(Architecture("none", 0.35, 6), images, seed).classifier[1].weight
        for seed in (1, 1, 2)
    )
    assert torch.equal(first, same)
    assert not torch.equal(first, other)
    assert torch.equal(state, torch.random.get_rng_state())


def test_last_batch_is_never_a_single_image(images):
    many = torch.cat([images] * 5)[:33, :, :32, :32]  # 32 + 1 would leave one image with 1x1 maps
    network = untrained_network(Architecture("ca", 0.35, 6), many, seed=1)
    assert torch.isfinite(network(many)).all()
