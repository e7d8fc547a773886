from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from small_models import mean_over_image, onnx_mean

from ca_deploy.errors import UserError
from ca_deploy.runtimes import open_runtime


@pytest.mark.parametrize(
    ("name", "content", "runtime"),
    [("m.tflite", mean_over_image(), "LiteRT"), ("m.onnx", onnx_mean(1), "ONNX Runtime")],
)
def test_the_suffix_chooses_the_runtime(
    name: str, content: bytes, runtime: str, images: np.ndarray, means: np.ndarray, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)

    opened = open_runtime(tmp_path / name, threads=2)
    (outputs,) = opened.run(images)

    assert (opened.name, opened.threads) == (runtime, 2)
    assert opened.version[0].isdigit()
    np.testing.assert_allclose(outputs, means, atol=1e-6)


def test_another_suffix_is_refused() -> None:
    with pytest.raises(UserError, match=r"no runtime here runs model\.pb"):
        open_runtime(Path("model.pb"))


@pytest.mark.parametrize("name", ["missing.tflite", "missing.onnx"])
def test_a_missing_file_is_named(name: str) -> None:
    with pytest.raises(UserError, match=rf"{name} is not a file"):
        open_runtime(Path(name))


def test_no_images_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(onnx_mean(1))

    with pytest.raises(ValueError, match="no images"):
        open_runtime(tmp_path / "m.onnx").run(np.zeros((0, 3, 6, 4), np.float32))
