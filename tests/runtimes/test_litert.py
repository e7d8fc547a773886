from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from small_models import INPUT, OUTPUT, mean_over_image

from ca_deploy.errors import UserError
from ca_deploy.runtimes.litert import LiteRT
from ca_deploy.verify.tflite_graph import TFLiteGraph


def test_float_images_are_laid_out_and_run_one_by_one(images: np.ndarray, means: np.ndarray) -> None:
    (outputs,) = LiteRT(mean_over_image()).run(images)

    np.testing.assert_allclose(outputs, means, atol=1e-6)


def test_a_file_with_a_batch_gets_whole_batches(images: np.ndarray, means: np.ndarray) -> None:
    (outputs,) = LiteRT(mean_over_image(batch=2)).run(images)

    np.testing.assert_allclose(outputs, means, atol=1e-6)


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
@pytest.mark.parametrize("xnnpack", [True, False])
def test_quantized_files_take_and_give_real_numbers(
    images: np.ndarray, means: np.ndarray, dtype: str, xnnpack: bool
) -> None:
    runtime = LiteRT(mean_over_image(dtype), xnnpack=xnnpack)

    (outputs,) = runtime.run(images)

    assert outputs.dtype == np.float32
    assert np.abs(outputs - means).max() <= OUTPUT.scales[0] / 2 + INPUT.scales[0] / 2
    np.testing.assert_allclose(outputs / OUTPUT.scales[0], np.rint(outputs / OUTPUT.scales[0]), atol=1e-4)


def test_the_file_says_what_it_takes_and_gives() -> None:
    runtime = LiteRT(mean_over_image("int8"))

    (given,), (result,) = runtime.inputs, runtime.outputs

    assert (given.shape, given.dtype) == ((1, 6, 4, 3), np.int8)
    assert given.quantization is not None
    assert given.quantization.scales == pytest.approx(INPUT.scales)
    assert given.quantization.zero_points == INPUT.zero_points
    assert (result.shape, result.index) == ((1, 3), 2)
    assert [t.name for t in runtime.tensors] == ["t0", "t1", "t2"]


def test_images_that_do_not_fit_are_named(images: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"'t0' takes \(1, 6, 4, 3\), not images of shape \(1, 3, 4, 6\)"):
        LiteRT(mean_over_image()).run(images.transpose(0, 1, 3, 2))


def test_a_file_that_kept_nchw_gets_it(images: np.ndarray) -> None:
    graph = TFLiteGraph()
    x, y = graph.tensor((1, 3, 6, 4)), graph.tensor((1, 3, 6, 4))
    graph.node("RELU", [x], [y])

    (outputs,) = LiteRT(graph.to_bytes([x], [y])).run(images)

    np.testing.assert_array_equal(outputs, np.maximum(images, 0))


def two_step_graph() -> bytes:
    """y = relu(x), z = y + y."""
    graph = TFLiteGraph()
    x, y, z = (graph.tensor((1, 6, 4, 3)) for _ in range(3))
    graph.node("RELU", [x], [y])
    graph.node("ADD", [y, y], [z], "Add")
    return graph.to_bytes([x], [z])


@pytest.mark.parametrize("xnnpack", [True, False])
def test_preserved_tensors_can_be_read(images: np.ndarray, xnnpack: bool) -> None:
    runtime = LiteRT(two_step_graph(), xnnpack=xnnpack, preserve_tensors=True)

    runtime.run(images[:1])

    np.testing.assert_array_equal(runtime.tensor(1), np.maximum(images[:1].transpose(0, 2, 3, 1), 0))


def test_nodes_end_with_what_xnnpack_took() -> None:
    with_xnnpack, without = LiteRT(two_step_graph()).nodes, LiteRT(two_step_graph(), xnnpack=False).nodes

    assert [n.operator for n in without] == ["RELU", "ADD"]
    assert with_xnnpack[:2] == without
    assert [(n.operator, n.inputs, n.outputs) for n in with_xnnpack[2:]] == [("DELEGATE", (0,), (2,))]


def test_a_bound_run_leaves_its_result_behind(images: np.ndarray) -> None:
    runtime = LiteRT(mean_over_image())
    (expected,) = runtime.run(images[1:2])
    runtime.run(images[:1])

    runtime.bind(images[1:2])()

    np.testing.assert_array_equal(runtime.tensor(runtime.outputs[0].index), expected)


def test_a_file_with_two_inputs_is_refused_when_run() -> None:
    graph = TFLiteGraph()
    a, b, c = (graph.tensor((1, 4)) for _ in range(3))
    graph.node("ADD", [a, b], [c], "Add")

    with pytest.raises(UserError, match=r"takes 2 inputs \(t0, t1\)"):
        LiteRT(graph.to_bytes([a, b], [c])).run(np.zeros((1, 4), np.float32))


def test_what_is_no_model_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "broken.tflite"
    path.write_bytes(b"not a model")

    with pytest.raises(UserError, match=r"broken\.tflite cannot be loaded by LiteRT: ") as caught:
        LiteRT(path)
    assert "\n" not in str(caught.value)


def test_loading_writes_nothing_to_standard_error(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(mean_over_image())
    load = "import sys; from ca_deploy.runtimes.litert import LiteRT; LiteRT(open(sys.argv[1], 'rb').read())"

    done = subprocess.run([sys.executable, "-c", load, path], capture_output=True, text=True, check=True)

    assert done.stderr == ""
