"""What a page is asked to do, and which files it cannot run."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from bench_models import SIZE, gated_block

from ca_deploy.bench.devices import open_device
from ca_deploy.bench.devices.browser.job import JOB, make_job, refusal
from ca_deploy.bench.devices.inputs import timing_images
from ca_deploy.bench.interleave import Effort
from ca_deploy.errors import UserError
from ca_deploy.runtimes import open_runtime


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    made = {dtype: tmp_path / f"{dtype}.tflite" for dtype in ("float32", "int8")}
    for dtype, path in made.items():
        path.write_bytes(gated_block(dtype))
    return made


def test_the_page_gets_the_file_images_and_the_outputs_of_this_machine(files: dict[str, Path]) -> None:
    file = files["float32"]

    job = make_job([file], [1, 2], Effort(rounds=3))

    document = json.loads(job.served[JOB])
    assert (document["threads"], document["effort"]["rounds"]) == ([1, 2], 3)
    (artifact,) = document["artifacts"]
    assert (artifact["name"], artifact["runtime"]) == ("float32.tflite", "litert")
    assert artifact["input"] == {"shape": [1, SIZE, SIZE, 3], "dtype": "float32"}
    assert job.served[f"{artifact['place']}/model"] == file
    images = np.frombuffer(job.served[f"{artifact['place']}/images"], np.float32)
    reference = np.frombuffer(job.served[f"{artifact['place']}/reference"], np.float32)
    runtime = open_runtime(file)
    image = timing_images(runtime, seed=0)
    np.testing.assert_array_equal(images[: image.size], image.transpose(0, 2, 3, 1).ravel())
    (expected,) = runtime.run(image)
    np.testing.assert_array_equal(reference[: expected.size], expected.ravel())
    assert len(images) == artifact["batches"] * image.size


def test_int8_at_the_interface_is_refused_with_what_goes(files: dict[str, Path]) -> None:
    wanted = "LiteRT.js takes float32, int32 or uint8 at a model's interface, not int8"

    assert refusal(files["int8"]) == wanted
    assert refusal(files["float32"]) is None
    with pytest.raises(UserError, match=r"int8\.tflite: LiteRT\.js takes float32"):
        make_job(list(files.values()), [1], Effort())


def test_an_unreadable_place_is_told_before_anything_is_served() -> None:
    with pytest.raises(UserError, match="is no port"):
        open_device("browser:10.0.0.5:x")
