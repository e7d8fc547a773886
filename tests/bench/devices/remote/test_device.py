"""What is made of what a far machine sends back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ca_deploy.bench.devices.remote.device import _parity
from ca_deploy.errors import DeviceError


def test_outputs_that_are_not_finite_are_said(model: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.tflite").write_bytes(model)
    output = np.full((1, 4, 4, 3), np.nan, np.float32).tobytes()

    with pytest.raises(DeviceError, match=r"ssh://pi: model\.tflite: its output holds NaN or infinity"):
        _parity("ssh://pi", tmp_path / "model.tflite", output)
