"""SQNR of logits that stream by, with its interval."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ca_deploy.evaluation.intervals import Estimate, Z

Logits = NDArray[np.floating]


class RunningNoise:
    """Sums over images of signal s = Σref² and noise n = Σ(ref-x)², and of their squares and product.

    SQNR = 10·log10(Σs / Σn). It is a ratio of two sums over images, so its standard error is that of
    Cochran's ratio estimator (Sampling Techniques, 1977, section 2.11), carried to decibels.
    """

    def __init__(self) -> None:
        self._signal = self._noise = 0.0
        self._signal2 = self._noise2 = self._both = 0.0
        self.max_abs = 0.0

    def add(self, reference: Logits, x: Logits) -> None:
        """Add images: two (images, values) arrays, dequantized."""
        ref = np.asarray(reference, np.float64)
        difference = ref - np.asarray(x, np.float64)
        signal, noise = (ref**2).sum(axis=1), (difference**2).sum(axis=1)
        self._signal += float(signal.sum())
        self._noise += float(noise.sum())
        self._signal2 += float(signal @ signal)
        self._noise2 += float(noise @ noise)
        self._both += float(signal @ noise)
        self.max_abs = max(self.max_abs, float(np.abs(difference).max(initial=0.0)))

    def sqnr_db(self) -> Estimate:
        """SQNR in dB; infinite without noise."""
        if not self._noise:
            return Estimate(math.inf, math.inf, math.inf)
        if not self._signal:
            return Estimate(-math.inf, -math.inf, -math.inf)
        ratio = self._noise / self._signal
        variance = self._noise2 - 2 * ratio * self._both + ratio**2 * self._signal2
        half = Z * 10 / math.log(10) * math.sqrt(max(variance, 0.0)) / self._noise
        value = -10 * math.log10(ratio)
        return Estimate(value, value - half, value + half)
