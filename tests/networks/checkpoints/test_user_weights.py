import pytest
import torch
from torch import nn

from ca_deploy.errors import UserError
from ca_deploy.networks import load_user_weights


def _network() -> nn.Module:
    """A network with a submodule named like a wrapper, a counter and an integer buffer."""
    network = nn.Module()
    network.model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
    network.register_buffer("index", torch.tensor([0, 1]))
    return network


def _only_model() -> nn.Module:
    network = nn.Module()
    network.model = nn.Linear(2, 3)
    return network


def _refusal(network, path, content) -> str:
    torch.save(content, path)
    with pytest.raises(UserError) as raised:
        load_user_weights(network, path)
    message = str(raised.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message


@pytest.mark.parametrize("make", [_network, _only_model])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_weights_come_back_with_and_without_wrapper(path, make, prefix):
    source, target = make(), make()
    torch.save({"state_dict": {prefix + key: tensor for key, tensor in source.state_dict().items()}}, path)
    load_user_weights(target, path)
    for key, tensor in source.state_dict().items():
        assert torch.equal(target.state_dict()[key], tensor), key


def test_missing_extra_and_misshapen_keys_are_named(path):
    state = _network().state_dict()
    del state["index"]
    state["other"] = torch.ones(1)
    state["model.0.weight"] = torch.ones(5, 3, 1, 1)
    message = _refusal(_network(), path, state)
    assert "1 missing (index), 1 extra (other)" in message
    assert "1 misshapen (model.0.weight is 5x3x1x1 instead of 4x3x1x1)" in message


def test_infinite_weights_are_refused_and_nothing_is_loaded(path):
    network = _network()
    before = network.model[0].weight.clone()
    state = _network().state_dict()
    state["model.1.running_var"][2] = float("nan")
    assert "NaN or infinite weights (model.1.running_var)" in _refusal(network, path, state)
    assert torch.equal(network.model[0].weight, before)
