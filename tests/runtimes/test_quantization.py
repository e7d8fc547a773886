from __future__ import annotations

import numpy as np
import pytest

from ca_deploy.runtimes import Quantization, TensorInfo


def test_ties_go_to_even() -> None:
    real = np.array([0.5, 1.5, 2.5, -0.5, -1.5], np.float32)

    assert Quantization((1.0,), (0,)).quantize(real, np.dtype(np.int8)).tolist() == [0, 2, 2, 0, -2]


@pytest.mark.parametrize(("dtype", "lowest", "highest"), [(np.int8, -128, 127), (np.uint8, 0, 255)])
def test_what_the_type_cannot_hold_is_clipped(dtype: type, lowest: int, highest: int) -> None:
    stored = Quantization((0.1,), (10,)).quantize(np.array([-1e6, 1e6], np.float32), np.dtype(dtype))

    assert stored.dtype == dtype
    assert stored.tolist() == [lowest, highest]


def test_real_numbers_come_back_within_half_a_step() -> None:
    quantization = Quantization((0.05,), (-3,))
    real = np.linspace(-5, 5, 101, dtype=np.float32)

    back = quantization.dequantize(quantization.quantize(real, np.dtype(np.int8)))

    assert back.dtype == np.float32
    assert np.abs(back - real).max() <= 0.025 + 1e-6


def test_scales_run_along_their_axis() -> None:
    per_channel = Quantization((1.0, 10.0), (0, 1), axis=1)
    stored = np.array([[1, 2], [3, 4]], np.int8)

    assert per_channel.dequantize(stored).tolist() == [[1, 10], [3, 30]]
    assert per_channel.quantize(per_channel.dequantize(stored), np.dtype(np.int8)).tolist() == stored.tolist()


def test_tensors_without_quantization_are_cast() -> None:
    half = TensorInfo("x", (1,), np.dtype(np.float16))

    assert half.to_stored(np.ones(1, np.float32)).dtype == np.float16
    assert half.to_real(np.ones(1, np.float16)).dtype == np.float32
