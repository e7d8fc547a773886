"""The default export's integer artifacts on emulated ARM cores: the same bits as here, at a known cost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import ca_deploy
from ca_deploy.bench.devices.emulated import EmulatedArm
from ca_deploy.runtimes import open_runtime

pytestmark = pytest.mark.devices

# M instructions of one inference of model_int8.tflite, 64x64 pixels, with LiteRT 2.3.0.
COST = {"cortex-a53": 4.99, "cortex-a76": 2.75}


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    out = tmp_path_factory.mktemp("export") / "out"
    ca_deploy.export("ca_mobilenetv2_cifar10", precision=["int8"], out=out)
    return sorted(out.glob("*.tflite"))


@pytest.mark.parametrize("core", COST)
def test_every_integer_artifact_gives_the_same_bits_on_arm(core: str, artifacts: list[Path]) -> None:
    assert "model_int8.tflite" in [file.name for file in artifacts]
    for file in artifacts:
        for seed in range(2):
            image = np.random.default_rng(seed).uniform(-2, 2, (1, 3, 64, 64)).astype(np.float32)

            emulated = EmulatedArm(core).run(file, image)

            here = open_runtime(file)
            (expected,) = here.run(image)
            assert len(np.unique(expected)) > 5
            # Probabilities are float32, the softmax of the same integers, and differ in their last bits.
            tolerance = 0 if here.outputs[0].quantization else 1e-7
            np.testing.assert_allclose(emulated.output, expected, rtol=0, atol=tolerance)
            if file.name == "model_int8.tflite":
                assert emulated.instructions.total / 1e6 == pytest.approx(COST[core], rel=0.01)
