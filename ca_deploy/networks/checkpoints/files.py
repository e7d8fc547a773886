"""From a file to what it holds, without running anything that the file brings along."""

from __future__ import annotations

import hashlib
import re
import warnings
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from ca_deploy.errors import UserError

SAFETENSORS_SUFFIX = ".safetensors"

LOOKALIKES = {
    b"version https://git-lfs": "is a Git LFS pointer, not the weights: run git lfs pull",
    b"<": "is a web page, not the weights: download the file itself",
}
"""First bytes of files that stand where weights should be, and what to do about each."""


def load(path: Path) -> object:
    """Read what `torch.save` or safetensors wrote: a mapping of tensors, maybe nested in others.

    A `.safetensors` file is read as such, any other with `torch.load(weights_only=True)`.

    Raises:
        UserError: when there is no file, or it is no checkpoint, is truncated, or needs more than weights.
    """
    _check_is_file(path)
    try:
        with path.open("rb") as file:
            _check_beginning(path, file.read(64).lstrip().lower())
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
    return _load_safetensors(path) if path.suffix == SAFETENSORS_SUFFIX else _load_torch(path)


def sha256(path: Path) -> str:
    """SHA-256 of the file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_is_file(path: Path) -> None:
    if path.is_dir():
        raise UserError(f"{path} is a folder: give the checkpoint file in it")
    if not path.exists():
        raise UserError(f"{path} does not exist: give the path of a checkpoint (.pth, .pt, .safetensors)")


def _check_beginning(path: Path, beginning: bytes) -> None:
    if not beginning:
        raise UserError(f"{path} is empty: copy or download it again")
    for lookalike, problem in LOOKALIKES.items():
        if beginning.startswith(lookalike):
            raise UserError(f"{path} {problem}")


def _load_safetensors(path: Path) -> object:
    try:
        return load_file(path)
    except SafetensorError as error:
        raise UserError(
            f"{path} is no safetensors file or is truncated ({error}): copy or download it again"
        ) from error


def _load_torch(path: Path) -> object:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what PyTorch warns of here, the error below says in one line
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged bytes make the unpickler raise almost any exception
        raise UserError(f"{path} {_refusal(error)}") from error


def _refusal(error: Exception) -> str:
    """Say in the user's terms why `torch.load` refused a file."""
    message = str(error)
    if foreign := re.search(r"GLOBAL (\S+)", message):
        return (
            f"needs {foreign[1]} besides weights, and code from a checkpoint is never run: "
            "if you trust it, load it yourself and save only the weights, "
            "torch.save(network.state_dict(), path)"
        )
    if "TorchScript" in message:
        return (
            "is a TorchScript archive, not a checkpoint: save the weights, "
            "torch.save(torch.jit.load(path).state_dict(), new_path)"
        )
    if isinstance(error, EOFError) or "unexpected EOF" in message or "central directory" in message:
        return "is truncated: copy or download it again"
    return "is not a checkpoint that torch.save or safetensors wrote: give a .pth, .pt or .safetensors file"
