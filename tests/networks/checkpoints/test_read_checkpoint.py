import hashlib

import pytest
import torch
from safetensors.torch import save_file

from ca_deploy.errors import UserError
from ca_deploy.networks import Architecture, MobileNetV2, read_checkpoint, save_checkpoint


def _refusal(path) -> str:
    with pytest.raises(UserError) as raised:
        read_checkpoint(path)
    message = str(raised.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message


def _assert_same_weights(checkpoint, weights):
    expected = {key: tensor for key, tensor in weights.items() if not key.endswith("num_batches_tracked")}
    assert checkpoint.state_dict.keys() == expected.keys()
    assert all(torch.equal(checkpoint.state_dict[key], tensor) for key, tensor in expected.items())


def test_the_official_layout_is_read(path, weights):
    torch.save({"state_dict": {f"module.{key}": tensor for key, tensor in weights.items()}}, path)
    checkpoint = read_checkpoint(path)
    assert (checkpoint.path, checkpoint.layout) == (path, "official")
    assert checkpoint.architecture == Architecture("ca", 0.35, 6)
    assert checkpoint.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    _assert_same_weights(checkpoint, weights)


def test_the_snippets_layout_is_read(path, weights):
    renamed = {
        key.replace(".6.conv2.", ".6.conv_h.").replace(".6.conv3.", ".6.conv_w."): tensor
        for key, tensor in weights.items()
    }
    assert renamed.keys() != weights.keys()
    torch.save(renamed, path)
    checkpoint = read_checkpoint(path)
    assert (checkpoint.layout, checkpoint.architecture) == ("snippet", Architecture("ca", 0.35, 6))
    _assert_same_weights(checkpoint, weights)


def _torchvision_key(key: str) -> str:
    """The key in torchvision's mobilenet_v2, where a convolution with its activation is a sequence."""
    parts = key.split(".")
    if parts[0] == "conv":
        return ".".join(["features", "18", *parts[1:]])
    if parts[0] != "features" or parts[1] == "0":
        return key
    expanding = {"0": "0.0", "1": "0.1", "3": "1.0", "4": "1.1", "6": "2", "7": "3"}
    first = {"0": "0.0", "1": "0.1", "3": "1", "4": "2"}
    parts[3] = (first if parts[1] == "1" else expanding)[parts[3]]
    return ".".join(parts)


def test_torchvisions_layout_is_read(path):
    weights = MobileNetV2("none", width=1.4, classes=3).state_dict()
    torch.save({_torchvision_key(key): tensor for key, tensor in weights.items()}, path)
    checkpoint = read_checkpoint(path)
    assert (checkpoint.layout, checkpoint.architecture) == ("torchvision", Architecture("none", 1.4, 3))
    _assert_same_weights(checkpoint, weights)


@pytest.mark.parametrize("attention", ["none", "se", "cbam", "ca"])
def test_our_own_files_come_back_as_they_were(tmp_path, attention):
    network = MobileNetV2(attention, width=0.5, classes=11)
    path = tmp_path / "mine.safetensors"
    save_checkpoint(network, path)
    checkpoint = read_checkpoint(path)
    assert checkpoint.architecture == Architecture(attention, 0.5, 11)
    _assert_same_weights(checkpoint, network.state_dict())


def test_equal_weights_make_equal_bytes(tmp_path, network, weights):
    copy = MobileNetV2("ca", width=0.35, classes=6)
    copy.load_state_dict(weights)
    copy.features[0][0].weight.data = copy.features[0][0].weight.data.to(memory_format=torch.channels_last)
    save_checkpoint(network, tmp_path / "a.safetensors")
    save_checkpoint(copy, tmp_path / "b.safetensors")
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


def test_our_own_files_have_one_suffix(tmp_path, network):
    with pytest.raises(UserError, match=r"does not end in \.safetensors"):
        save_checkpoint(network, tmp_path / "mine.pth")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_of_any_precision_become_float32(tmp_path, weights, dtype):
    path = tmp_path / "weights.safetensors"
    converted = {key: t.to(dtype) if t.is_floating_point() else t for key, t in weights.items()}
    save_file(converted, path)
    checkpoint = read_checkpoint(path)
    assert {tensor.dtype for tensor in checkpoint.state_dict.values()} == {torch.float32}
    assert torch.equal(checkpoint.state_dict["conv.0.weight"], converted["conv.0.weight"].float())


def test_missing_and_extra_keys_are_named_with_the_nearest_layout(path, weights):
    del weights["features.3.conv.6.conv1.bias"]
    weights["head.weight"] = torch.ones(2)
    torch.save(weights, path)
    message = _refusal(path)
    assert "nearest is official with attention ca, width 0.35, 6 classes" in message
    assert "1 missing (features.3.conv.6.conv1.bias), 1 extra (head.weight)" in message


@pytest.mark.parametrize("key", ["features.0.0.weight", "features.9.conv.0.weight", "conv.0.weight"])
def test_a_misshapen_key_is_named_with_both_shapes(path, weights, key):
    expected = "x".join(map(str, weights[key].shape))
    weights[key] = torch.ones(13, 13, 1, 1)
    torch.save(weights, path)
    message = _refusal(path)
    assert "nearest is official with attention ca, width 0.35, 6 classes" in message
    assert f"1 misshapen ({key} is 13x13x1x1 instead of {expected})" in message


def test_a_key_in_two_layouts_at_once_is_extra(path, weights):
    weights["features.2.conv.6.conv_h.weight"] = weights["features.2.conv.6.conv2.weight"]
    torch.save(weights, path)
    assert "1 extra (features.2.conv.6.conv_h.weight)" in _refusal(path)


def test_another_network_is_refused_with_few_keys_and_the_way_out(path):
    torch.save(torch.nn.TransformerEncoderLayer(8, 2).state_dict(), path)
    message = _refusal(path)
    assert (
        "12 extra (self_attn.in_proj_weight, self_attn.in_proj_bias, self_attn.out_proj.weight and 9 more)"
        in message
    )
    assert "your own network with --model" in message


def test_a_classifier_without_axes_is_misshapen(path, weights):
    weights["classifier.1.weight"] = torch.tensor(1.0)
    torch.save(weights, path)
    assert "classifier.1.weight is a scalar instead of" in _refusal(path)


def test_integer_weights_are_refused(path, weights):
    weights["conv.0.weight"] = weights["conv.0.weight"].to(torch.int8)
    torch.save(weights, path)
    assert "not floating point (conv.0.weight)" in _refusal(path)
