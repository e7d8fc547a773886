import numpy as np
import pytest
import torch
from torch import nn

from ca_deploy.networks.attention import Cbam, CoordinateAttention, SqueezeExcite, h_swish


def _sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def _pointwise(convolution: nn.Conv2d, x):
    """A 1x1 convolution of (C, places) in NumPy."""
    weight = convolution.weight.detach().double().numpy()[:, :, 0, 0]
    return weight @ x + convolution.bias.detach().double().numpy()[:, None]


def _random_block(block: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(1)
    for tensor in block.state_dict().values():
        if tensor.is_floating_point():
            tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.2)
    return block.double().eval()


@pytest.fixture
def x():
    return torch.randn(1, 64, 5, 7, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


def test_h_swish_is_a_ramp_between_minus_three_and_three():
    x = torch.tensor([-4.0, -3.0, -1.5, 0.0, 1.5, 3.0, 4.0])
    assert torch.allclose(h_swish(x), torch.tensor([0.0, 0.0, -0.375, 0.0, 1.125, 3.0, 4.0]))


def test_coordinate_attention_follows_the_papers_equations(x):
    block = _random_block(CoordinateAttention(64))
    channels = x[0].numpy()

    def shared(pooled):
        y = _pointwise(block.conv1, pooled)
        norm = {key: value.numpy()[:, None] for key, value in block.bn1.state_dict().items() if value.ndim}
        y = (y - norm["running_mean"]) / np.sqrt(norm["running_var"] + 1e-5) * norm["weight"] + norm["bias"]
        return y * np.clip(y + 3, 0, 6) / 6

    gate_h = _sigmoid(_pointwise(block.conv2, shared(channels.mean(axis=2))))
    gate_w = _sigmoid(_pointwise(block.conv3, shared(channels.mean(axis=1))))
    expected = channels * gate_h[:, :, None] * gate_w[:, None, :]
    np.testing.assert_allclose(block(x)[0].detach().numpy(), expected, rtol=1e-12)


def test_squeeze_excite_follows_the_papers_equations(x):
    block = _random_block(SqueezeExcite(64))
    channels = x[0].numpy()
    hidden = np.maximum(_pointwise(block.fc1, channels.mean(axis=(1, 2))[:, None]), 0)
    gate = _sigmoid(_pointwise(block.fc2, hidden))
    np.testing.assert_allclose(block(x)[0].detach().numpy(), channels * gate[:, :, None], rtol=1e-12)


def test_cbam_follows_the_papers_equations(x):
    block = _random_block(Cbam(64))
    channels = x[0].numpy()

    def mlp(pooled):
        return _pointwise(block.fc2, np.maximum(_pointwise(block.fc1, pooled[:, None]), 0))

    gated = channels * _sigmoid(mlp(channels.mean(axis=(1, 2))) + mlp(channels.max(axis=(1, 2))))[:, :, None]
    planes = np.pad(np.stack([gated.mean(axis=0), gated.max(axis=0)]), ((0, 0), (3, 3), (3, 3)))
    windows = np.lib.stride_tricks.sliding_window_view(planes, (7, 7), axis=(1, 2))
    places = np.einsum("chwij,cij->hw", windows, block.spatial.weight.detach().numpy()[0])
    np.testing.assert_allclose(block(x)[0].detach().numpy(), gated * _sigmoid(places), rtol=1e-12)


@pytest.mark.parametrize(("channels", "reduced"), [(48, 8), (256, 8), (288, 9), (960, 30)])
def test_coordinate_attention_reduces_by_32_to_at_least_8_channels(channels, reduced):
    assert CoordinateAttention(channels).conv1.out_channels == reduced
