"""The output of TFLite's benchmark_model, of newer and older versions."""

from __future__ import annotations

import pytest

from ca_deploy.bench.devices.remote.benchmark_model import Said

NEWER = """INFO: STARTING!
INFO: count=50 first=16051 curr=14290 min=14075 max=16051 avg=14575.2 std=331
Inference timings in us: Init: 5685, First inference: 18535, Warmup (avg): 14462.3, Inference (avg): 14575.2
INFO: Memory footprint delta from the start of the tool (MB): init=1.5 overall=7
"""
OLDER = """Average inference timings in us: Warmup: 83235, Init: 38467, Inference: 7.97609e+04
Peak memory footprint (MB): init=5.25 overall=7.5
"""
OLDEST = "Average inference timings in us: Warmup: 83235, Init: 38467, no stats: 79760.9\n"


@pytest.mark.parametrize(
    ("text", "init", "first", "mean", "peak"),
    [
        (NEWER, 5.685, 18.535, 14.5752, 7 * 2**20),
        (OLDER, 38.467, 83.235, 79.7609, 7.5 * 2**20),
        (OLDEST, 38.467, 83.235, 79.7609, None),
    ],
)
def test_every_form_is_read(text: str, init: float, first: float, mean: float, peak: float | None) -> None:
    said = Said(text)

    assert (said.init_ms, said.first_ms, said.mean_ms) == pytest.approx((init, first, mean))
    assert said.peak_bytes == peak


def test_other_output_is_refused() -> None:
    with pytest.raises(ValueError, match="no timings"):
        Said("ERROR: Failed to load model")
