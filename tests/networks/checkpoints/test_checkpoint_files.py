import io
import os
import pickle
import zipfile
from argparse import Namespace

import pytest
import torch
from safetensors.torch import save
from torch import nn

from ca_deploy.errors import UserError
from ca_deploy.networks.checkpoints.files import load

SMALL = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))


class _Malicious:
    """Creates a file when it is unpickled carelessly."""

    def __init__(self, proof):
        self.proof = os.fspath(proof)

    def __reduce__(self):
        return os.mkdir, (self.proof,)


def _torch_bytes(content, **options) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, **options)
    return buffer.getvalue()


def _zip_bytes() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.txt", "x")
    return buffer.getvalue()


def _refusal(path) -> str:
    with pytest.raises(UserError) as raised:
        load(path)
    message = str(raised.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message


@pytest.mark.parametrize("zipped", [True, False])
def test_both_formats_of_torch_save_are_read(path, zipped):
    torch.save(SMALL.state_dict(), path, _use_new_zipfile_serialization=zipped)
    assert torch.equal(load(path)["0.weight"], SMALL[0].weight)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("kept", [0.01, 0.5, 0.95])
def test_a_truncated_checkpoint_is_recognised(path, zipped, kept):
    content = _torch_bytes(SMALL.state_dict(), _use_new_zipfile_serialization=zipped)
    path.write_bytes(content[: int(len(content) * kept)])
    assert "truncated" in _refusal(path)


def test_a_truncated_safetensors_file_is_recognised(tmp_path):
    path = tmp_path / "weights.safetensors"
    path.write_bytes(save({"a": torch.zeros(100)})[:-10])
    assert "truncated" in _refusal(path)


@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_checkpoint_is_named_and_never_run(path, tmp_path, zipped):
    proof = tmp_path / "executed"
    content = {"state_dict": SMALL.state_dict(), "extra": _Malicious(proof)}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    assert "needs posix.mkdir besides weights" in _refusal(path)
    assert not proof.exists()
    torch.load(path, weights_only=False)
    assert proof.exists()  # the file would indeed have run code


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_code_in_a_bare_pickle_is_never_run(path, tmp_path, protocol):
    proof = tmp_path / "executed"
    path.write_bytes(pickle.dumps(_Malicious(proof), protocol=protocol))
    _refusal(path)
    assert not proof.exists()


@pytest.mark.parametrize(
    ("content", "needed"), [(SMALL, "torch.nn.modules"), ({"args": Namespace(lr=0.1)}, "argparse.Namespace")]
)
def test_objects_besides_weights_are_named_with_the_way_out(path, content, needed):
    torch.save(content, path)
    message = _refusal(path)
    assert f"needs {needed}" in message
    assert "torch.save(network.state_dict(), path)" in message


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"hello world, this is text\n", "is not a checkpoint"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(100), "is not a checkpoint"),
        (_zip_bytes(), "is not a checkpoint"),
        (pickle.dumps({"a": 1}, protocol=2), "is not a checkpoint"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
        (b"\n<!DOCTYPE html><html>", "is a web page"),
    ],
)
def test_what_is_no_checkpoint_is_said_to_be_none(path, content, reason, recwarn):
    path.write_bytes(content)
    assert reason in _refusal(path)
    assert not recwarn.list


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_a_torchscript_archive_is_named_with_the_way_out(path):
    torch.jit.save(torch.jit.trace(SMALL.eval(), torch.zeros(1, 3, 2, 2)), path)
    message = _refusal(path)
    assert "is a TorchScript archive" in message
    assert "torch.jit.load(path).state_dict()" in message


def test_a_torch_file_named_safetensors_is_refused(tmp_path):
    path = tmp_path / "weights.safetensors"
    torch.save(SMALL.state_dict(), path)
    assert "no safetensors file" in _refusal(path)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    assert "does not exist" in _refusal(tmp_path / "none.pth")
    assert "is a folder" in _refusal(tmp_path)
