from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper
from small_models import onnx_mean

from ca_deploy.errors import UserError
from ca_deploy.runtimes.onnx_runtime import OnnxRuntime


@pytest.mark.parametrize("batch", ["N", 1, 2])
def test_any_number_of_images_runs(images: np.ndarray, means: np.ndarray, batch: int | str) -> None:
    (outputs,) = OnnxRuntime(onnx_mean(batch)).run(images)

    np.testing.assert_allclose(outputs, means, atol=1e-6)


def test_the_file_says_what_it_takes_and_gives() -> None:
    runtime = OnnxRuntime(onnx_mean("N"), threads=2)

    assert [(t.name, t.shape, t.dtype) for t in runtime.inputs] == [("images", (None, 3, 6, 4), np.float32)]
    assert [(t.name, t.shape) for t in runtime.outputs] == [("means", (None, 3))]
    assert runtime.threads == 2


def test_a_bound_run_can_be_repeated(images: np.ndarray) -> None:
    run = OnnxRuntime(onnx_mean(1)).bind(images[:1])

    assert [run(), run()] == [None, None]


def test_images_that_do_not_fit_are_named(images: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"'images' takes \(1, 3, 6, 4\)"):
        OnnxRuntime(onnx_mean(1)).run(images.transpose(0, 2, 3, 1))


def test_what_is_no_model_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"not a model")

    with pytest.raises(UserError, match=r"broken\.onnx cannot be loaded by ONNX Runtime: ") as caught:
        OnnxRuntime(path)
    assert "\n" not in str(caught.value)


def test_an_input_of_integers_is_refused() -> None:
    node = helper.make_node("Identity", ["x"], ["y"])
    value = [helper.make_tensor_value_info(name, TensorProto.INT64, [1]) for name in "xy"]
    model = helper.make_model(
        helper.make_graph([node], "g", value[:1], value[1:]),
        opset_imports=[helper.make_opsetid("", 18)],
        ir_version=10,
    )

    with pytest.raises(UserError, match=r"'x' is a tensor\(int64\)"):
        OnnxRuntime(model.SerializeToString())
