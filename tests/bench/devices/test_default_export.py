"""The default export's integer artifacts on emulated ARM cores: the same bits as here, at a known cost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import ca_deploy
from ca_deploy.bench.devices.emulated import EmulatedArm
from ca_deploy.bench.devices.inputs import timing_images
from ca_deploy.runtimes import open_runtime
from ca_deploy.runtimes.litert import LiteRT

pytestmark = pytest.mark.devices

# Instructions of one inference of model_int8.tflite, 64x64 pixels, with LiteRT 2.3.0: exact, they repeat.
COST = {"cortex-a53": 4_988_825, "cortex-a72": 4_777_248, "cortex-a76": 2_751_888}


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


@pytest.mark.parametrize("core", COST)
def test_an_inference_costs_what_it_did(core: str, artifacts: list[Path]) -> None:
    if LiteRT.version != "2.3.0":
        pytest.skip(f"pinned for LiteRT 2.3.0, not {LiteRT.version}")
    (file,) = (file for file in artifacts if file.name == "model_int8.tflite")

    counted = EmulatedArm(core).run(file, timing_images(LiteRT(file)))

    assert counted.instructions.total == COST[core]
