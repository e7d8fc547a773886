"""int8 on every set of kernels: XNNPACK is the same everywhere, TFLite's own kernels round otherwise."""

import numpy as np
import pytest
from single_operators import OPERATORS

import ca_deploy
from ca_deploy.bench.devices.emulated import EmulatedArm
from ca_deploy.images import ImageLoader, find_images
from ca_deploy.metrics import agreement, sqnr_db
from ca_deploy.quantization.ranges import measure_ranges
from ca_deploy.quantization.static import quantize_static
from ca_deploy.recipe import load_recipe
from ca_deploy.resources import data_folder
from ca_deploy.runtimes.litert import LiteRT

RECIPE = "ca_mobilenetv2_cifar10"
ROUND_OTHERWISE = {
    "MUL",
    "MEAN",
    "LEAKY_RELU",
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "FULLY_CONNECTED",
    "TRANSPOSE_CONV",
    "RESIZE_BILINEAR",
}


@pytest.mark.parametrize("kind", OPERATORS)
def test_one_operator_differs_by_one_step_at_most_between_xnnpack_and_tflite_s_kernels(kind, to_tflite):
    data = to_tflite(*OPERATORS[kind])
    images = 2 * np.random.default_rng(1).standard_normal((24, 3, 8, 8)).astype(np.float32)
    written = quantize_static(data, measure_ranges(data, [images], 1))
    xnnpack, own = (LiteRT(written, xnnpack=xnnpack) for xnnpack in (True, False))
    step = xnnpack.outputs[0].quantization.scales[0]
    difference = np.rint((xnnpack.run(images)[0] - own.run(images)[0]) / step)
    assert np.abs(difference).max() <= (kind in ROUND_OTHERWISE)


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """int8 files of the network that ships."""
    names = ["int8", "int8_per_tensor"]
    out = tmp_path_factory.mktemp("kernels") / "out"
    result = ca_deploy.export(RECIPE, precision=names, optimize="fast", out=out)
    return [result.folder / f"model_{name}.tflite" for name in names]


@pytest.fixture(scope="module")
def photographs():
    loader = ImageLoader(find_images(data_folder("calibration"))[::40], load_recipe(RECIPE).input, 8)
    return next(iter(loader))


@pytest.mark.devices
@pytest.mark.parametrize("core", ["cortex-a53", "cortex-a76"])
def test_the_network_that_ships_gives_the_same_bits_on_arm(core, shipped, photographs):
    device = EmulatedArm(core)
    for file in shipped:
        here = LiteRT(file).run(photographs[:3])[0]
        there = np.concatenate([device.run(file, photographs[i : i + 1]).output for i in range(3)])
        np.testing.assert_array_equal(here, there)


@pytest.mark.slow
def test_tflite_s_own_kernels_give_the_network_that_ships_the_same_quality(shipped, photographs):
    for file in shipped:
        xnnpack, own = (LiteRT(file, xnnpack=xnnpack).run(photographs)[0] for xnnpack in (True, False))
        assert sqnr_db(xnnpack, own) > 20  # not the same bits: single steps add up over 293 operators
        assert agreement(xnnpack, own) >= 7 / 8
