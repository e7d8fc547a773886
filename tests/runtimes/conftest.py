"""The images that the runtimes' tests run."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture
def images() -> np.ndarray:
    """Five images, float32 (5,3,6,4), within the range of the quantized files."""
    return np.random.default_rng(0).uniform(-3, 3, (5, 3, 6, 4)).astype(np.float32)


@pytest.fixture
def means(images: np.ndarray) -> np.ndarray:
    """What every file here computes of the images."""
    return images.mean(axis=(2, 3))
