import numpy as np
import pytest

from ca_deploy.progress import Silent
from ca_deploy.quantization.calibration import Calibration
from ca_deploy.quantization.write import at_precision
from ca_deploy.runtimes.litert import LiteRT


@pytest.fixture(scope="module")
def calibration(image_set, images):
    return Calibration(image_set(images))


def test_float32_is_the_file_itself(gated, calibration):
    assert at_precision("fp32", gated, calibration, "balanced", 1, Silent()).data == gated


@pytest.mark.parametrize(
    ("precision", "optimize", "dtype"),
    [("fp16", "balanced", np.float32), ("int8", "fast", np.int8), ("int8", "balanced", np.int8)],
)
def test_a_supported_network_is_written_without_warnings(gated, calibration, precision, optimize, dtype):
    written = at_precision(precision, gated, calibration, optimize, 1, Silent())
    assert LiteRT(written.data).outputs[0].dtype == dtype
    assert len(written.data) != len(gated)
    assert written.warnings == ()
