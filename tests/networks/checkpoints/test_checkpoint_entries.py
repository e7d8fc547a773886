import io

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn.parallel import DataParallel
from torch.optim.swa_utils import AveragedModel

from ca_deploy.errors import UserError
from ca_deploy.networks.checkpoints.entries import read_tensors, unwrapped

WEIGHTS = {"a.weight": torch.ones(2), "a.num_batches_tracked": torch.tensor(3)}
OTHER = {"a.weight": torch.zeros(2)}
SMALL = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))


def _refusal(path, content) -> str:
    torch.save(content, path)
    with pytest.raises(UserError) as raised:
        read_tensors(path)
    message = str(raised.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    "content",
    [
        WEIGHTS,
        {"state_dict": WEIGHTS, "epoch": 3, "optimizer": {"state": {}}},
        {"model": WEIGHTS, "best": torch.tensor(0.7)},
        {"model_state_dict": WEIGHTS},
        {"net": WEIGHTS, "acc": 93.1},
        {"model": {"state_dict": WEIGHTS}},
        {"ema": WEIGHTS},
        {"model_ema": WEIGHTS, "epoch": 3},
        {"state_dict_ema": WEIGHTS},
        {"state_dict_ema": OTHER, "state_dict": WEIGHTS},
        {"model": WEIGHTS, "model_ema": OTHER},
        {"state_dict": None, "ema": WEIGHTS},
    ],
)
def test_weights_are_found_and_averages_read_only_when_alone(path, content):
    torch.save(content, path)
    tensors = read_tensors(path)
    assert tensors.keys() == {"a.weight"}
    assert torch.equal(tensors["a.weight"], torch.ones(2))


@pytest.mark.parametrize(
    "wrap", [DataParallel, AveragedModel, lambda network: DataParallel(DataParallel(network))]
)
def test_wrappers_leave_no_trace(path, wrap):
    torch.save(wrap(SMALL).state_dict(), path)
    expected = set(SMALL.state_dict()) - {"1.num_batches_tracked"}
    assert unwrapped(read_tensors(path))[-1].keys() == expected


def test_prefixes_of_compiled_and_lightning_modules_are_removed_one_by_one():
    stages = unwrapped({"model._orig_mod.module.a": torch.ones(1)})
    assert [list(stage) for stage in stages] == [
        ["model._orig_mod.module.a"],
        ["_orig_mod.module.a"],
        ["module.a"],
        ["a"],
    ]


def test_a_prefix_that_not_all_keys_share_is_none():
    tensors = {"module.a": torch.ones(1), "b": torch.ones(1)}
    assert unwrapped(tensors) == [tensors]


@pytest.mark.parametrize(
    ("content", "held"),
    [
        ({"epoch": 3, "optimizer": {}}, "its entries are epoch, optimizer"),
        ({}, "it is an empty mapping"),
        ({"state_dict": {}}, "it is an empty mapping"),
        ({"a.num_batches_tracked": torch.tensor(3)}, "its entries are a.num_batches_tracked"),
        ([torch.ones(2)], "it is a list"),
        (torch.ones(2), "it is a Tensor"),
    ],
)
def test_a_file_without_weights_says_what_it_holds(path, content, held):
    assert held in _refusal(path, content)


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor:UserWarning")
@pytest.mark.parametrize(
    "make_foreign",
    [
        lambda: 3,
        lambda: torch.ones(2).to_sparse(),
        lambda: torch.ones(2, device="meta"),
        lambda: torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8),
    ],
)
def test_what_is_no_plain_tensor_is_named(path, make_foreign):
    assert "more than plain tensors (odd)" in _refusal(path, {**WEIGHTS, "odd": make_foreign()})


def test_a_key_that_is_no_name_is_foreign(path):
    assert "more than plain tensors (7)" in _refusal(path, {**WEIGHTS, 7: torch.ones(1)})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), 1e300])
def test_weights_that_are_not_finite_in_float32_are_named(path, value):
    broken = torch.tensor([0.0, value], dtype=torch.float64)
    assert "NaN or infinite weights (b.weight)" in _refusal(path, {**WEIGHTS, "b.weight": broken})


def _bytes(container: str) -> bytes:
    if container == "safetensors":
        return save(SMALL.state_dict())
    buffer = io.BytesIO()
    torch.save(SMALL.state_dict(), buffer, _use_new_zipfile_serialization=container == "zip")
    return buffer.getvalue()


@pytest.mark.parametrize("container", ["zip", "legacy", "safetensors"])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_bytes_are_an_error_at_worst(tmp_path, container, data):
    content = bytearray(_bytes(container))
    for position in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=8)):
        content[position] = data.draw(st.integers(0, 255))
    path = tmp_path / f"damaged.{container}"
    path.write_bytes(content)
    try:
        values: list[object] = list(read_tensors(path).values())
    except UserError:
        values = []
    assert all(isinstance(value, Tensor) for value in values)
