"""Several images at once: the numbers of one at a time, in one partition, and those of a resized input."""

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from onnx import helper

from ca_deploy.errors import UserError
from ca_deploy.quantization.batch import with_batch
from ca_deploy.quantization.float16 import convert_float16
from ca_deploy.quantization.ranges import measure_ranges
from ca_deploy.quantization.static import quantize_static
from ca_deploy.runtimes.litert import LiteRT
from ca_deploy.verify.delegates import check_delegation

BATCH = 3


@pytest.fixture(scope="module")
def files(gated, images):
    ranges = measure_ranges(gated, (image[None] for image in images), threads=1)
    return {"fp32": gated, "fp16": convert_float16(gated), "int8": quantize_static(gated, ranges)}


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_each_image_of_a_batch_gives_what_it_gives_alone(files, precision, images, tmp_path):
    batched = with_batch(files[precision], BATCH)
    (alone,), (together,) = LiteRT(files[precision]).run(images), LiteRT(batched).run(images)
    assert LiteRT(batched).inputs[0].shape == (BATCH, 8, 8, 3)
    assert LiteRT(batched).outputs[0].shape == (BATCH, 5)
    np.testing.assert_array_equal(alone, together)
    path = tmp_path / "model.tflite"
    path.write_bytes(batched)
    assert check_delegation(path).partitions == 1


def test_one_image_changes_nothing(gated):
    assert with_batch(gated, 1) is gated


def test_an_app_that_resizes_the_input_gets_the_same(files, images):
    (expected,) = LiteRT(with_batch(files["int8"], BATCH)).run(images[:BATCH])
    interpreter = Interpreter(model_content=files["int8"])
    (taken,), (given,) = interpreter.get_input_details(), interpreter.get_output_details()
    interpreter.resize_tensor_input(taken["index"], (BATCH, 8, 8, 3))
    interpreter.allocate_tensors()
    (info,) = LiteRT(files["int8"]).inputs
    interpreter.set_tensor(taken["index"], info.to_stored(images[:BATCH].transpose(0, 2, 3, 1)))
    interpreter.invoke()
    (out,) = LiteRT(files["int8"]).outputs
    np.testing.assert_array_equal(out.to_real(interpreter.get_tensor(given["index"])), expected)


def test_a_network_that_mixes_its_images_is_refused(to_tflite):
    node = helper.make_node("Reshape", ["input", "shape"], ["logits"])
    mixing = to_tflite([node], {"shape": np.array([2, 96])})
    with pytest.raises(UserError, match=r"^--batch 3: the network cannot take several images at once"):
        with_batch(mixing, BATCH)


def test_a_reshape_that_says_one_image_says_several(to_tflite, images):
    flat = to_tflite(
        [helper.make_node("Reshape", ["input", "shape"], ["logits"])], {"shape": np.array([1, 192])}
    )
    (alone,), (together,) = LiteRT(flat).run(images), LiteRT(with_batch(flat, BATCH)).run(images)
    np.testing.assert_array_equal(alone, together)


def test_a_transposed_convolution_makes_several_images(to_tflite, images):
    node = helper.make_node("ConvTranspose", ["input", "w"], ["logits"], strides=[2, 2], kernel_shape=[2, 2])
    weights = np.random.default_rng(0).standard_normal((3, 4, 2, 2)).astype(np.float32)
    one = to_tflite([node], {"w": weights})
    (alone,), (together,) = LiteRT(one).run(images), LiteRT(with_batch(one, BATCH)).run(images)
    np.testing.assert_array_equal(alone, together)


def test_a_slice_takes_its_part_of_every_image(to_tflite, images):
    node = helper.make_node("Slice", ["input", "starts", "ends", "axes"], ["logits"])
    bounds = {"starts": np.array([0, 1, 2, 3]), "ends": np.array([1, 3, 6, 8]), "axes": np.arange(4)}
    one = to_tflite([node], bounds)
    (alone,), (together,) = LiteRT(one).run(images), LiteRT(with_batch(one, BATCH)).run(images)
    np.testing.assert_array_equal(alone, together)
