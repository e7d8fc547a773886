"""What an interrupted reconstruction goes on from."""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

_KEPT = 8
"""Files; the oldest go. One is about as large as the float32 model."""
_DIGEST = hashlib.sha256().digest_size
"""Bytes in front of what is saved, without which a damaged file could be read as another state."""


class Checkpoint:
    """One file in a folder of such files, named after everything that its content depends on.

    Args:
        folder: of all of them; made when something is saved.
        parts: weights, images, settings: what makes it another reconstruction when it changes.
    """

    def __init__(self, folder: Path, parts: Iterable[bytes]) -> None:
        digest = hashlib.sha256()
        for part in parts:
            digest.update(hashlib.sha256(part).digest())
        self.path = folder / f"{digest.hexdigest()}.pt"

    def load(self) -> Any | None:
        """What was saved last; None when nothing was, or its file is damaged."""
        try:
            content = self.path.read_bytes()
        except OSError:
            return None
        digest, saved = content[:_DIGEST], content[_DIGEST:]
        if hashlib.sha256(saved).digest() != digest:
            return None
        return torch.load(io.BytesIO(saved), weights_only=True)

    def save(self, state: Any) -> None:
        """Put `state` (tensors, numbers, lists and dictionaries) in place of what was there, in one step."""
        saved = io.BytesIO()
        torch.save(state, saved)
        folder = self.path.parent
        folder.mkdir(parents=True, exist_ok=True)
        handle, unfinished = tempfile.mkstemp(dir=folder, suffix=".unfinished")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(hashlib.sha256(saved.getbuffer()).digest())
                file.write(saved.getbuffer())
            Path(unfinished).replace(self.path)
        finally:
            Path(unfinished).unlink(missing_ok=True)
        by_age = sorted(folder.glob("*.pt"), key=lambda path: path.stat().st_mtime)
        for old in by_age[:-_KEPT]:
            old.unlink(missing_ok=True)
