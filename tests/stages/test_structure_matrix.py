"""Whole int8 networks of every attention, width, input size and target: one partition, nothing in between.

They are written by the default route, `--optimize balanced`, on one image, since structure needs no more. A
selection that has every attention, target, width and size; FULL_MATRIX=1 in the environment runs all
combinations, which takes minutes.
"""

from __future__ import annotations

import os
from collections import Counter
from itertools import product

import pytest
import torch

from ca_deploy.exporters.onnx import to_onnx
from ca_deploy.exporters.tflite import Converter
from ca_deploy.networks import Architecture, untrained_network
from ca_deploy.passes import CANONICAL, capture
from ca_deploy.passes.blocks import attention_blocks, gate_products
from ca_deploy.passes.equalization import EqualizeStreams
from ca_deploy.passes.formulations import default_formulation, formulation_passes
from ca_deploy.passes.graph import as_dtype
from ca_deploy.progress import Silent
from ca_deploy.quantization.calibration import Calibration
from ca_deploy.quantization.calibration_set import ImageSet
from ca_deploy.quantization.float_gates import with_float_products
from ca_deploy.quantization.tflite_model import TFLiteModel
from ca_deploy.quantization.write import at_precision
from ca_deploy.verify.delegates import check_delegation

ATTENTIONS = ("none", "se", "cbam", "ca")
WIDTHS = (0.5, 1.0)
SIZES = ((64, 64), (96, 96), (160, 160), (224, 224), (96, 160))
TARGETS = ("android", "x86")
BLOCKS = 16
SELECTED = (
    ("none", 1.0, (64, 64), "x86"),
    ("se", 0.5, (64, 64), "x86"),
    ("se", 1.0, (160, 160), "android"),
    ("cbam", 0.5, (96, 96), "android"),
    ("cbam", 1.0, (96, 160), "x86"),
    ("ca", 0.5, (96, 160), "x86"),
    ("ca", 1.0, (224, 224), "android"),
)
CASES = tuple(product(ATTENTIONS, WIDTHS, SIZES, TARGETS)) if os.environ.get("FULL_MATRIX") else SELECTED

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def converter():
    with Converter() as running:
        yield running


def formed(attention, width, size, target):
    """The graph of a network, and an image. The passes are proved elsewhere; here their result counts."""
    images = torch.randn((4, 3, *size), generator=torch.Generator().manual_seed(0))
    network, image = untrained_network(Architecture(attention, width, classes=10), images, seed=0), images[:1]
    graph = capture(network.eval(), image)
    for step in CANONICAL:
        graph = step(graph).graph
    assert len(attention_blocks(graph)) == (BLOCKS if attention != "none" else 0)
    graph = as_dtype(graph, torch.float64)
    for step in (EqualizeStreams([image]), *formulation_passes(default_formulation(target, "int8"), {})):
        graph = step(graph).graph
    return as_dtype(graph, torch.float32), image


def int8(graph, image, converter):
    data = converter.convert(to_onnx(graph, image).SerializeToString()).data
    calibration = Calibration(ImageSet(("image",), (image[0].numpy(),), spec=None))
    quantized = at_precision("int8", data, calibration, "balanced", threads=1, progress=Silent())
    assert not quantized.warnings  # its biases are corrected
    return quantized.data


def examined(data, folder):
    """What XNNPACK takes, and how many operators of each kind there are."""
    path = folder / "model_int8.tflite"
    path.write_bytes(data)
    model = TFLiteModel(data)
    return check_delegation(path), Counter(model.kind(operator) for operator in model.operators)


@pytest.mark.parametrize(("attention", "width", "size", "target"), CASES)
def test_one_partition_without_anything_in_between(attention, width, size, target, converter, tmp_path):
    found, kinds = examined(int8(*formed(attention, width, size, target), converter), tmp_path)
    assert (found.partitions, found.outside) == (1, ())
    assert not kinds.keys() & {"TRANSPOSE", "QUANTIZE", "DEQUANTIZE"}


def test_float_gates_stay_within_the_partition(converter, tmp_path):
    graph, image = formed("ca", 0.5, (96, 96), "x86")
    products = [n.name for n in gate_products(graph, [block.path for block in attention_blocks(graph)])]
    found, kinds = examined(with_float_products(int8(graph, image, converter), products), tmp_path)
    assert (found.partitions, found.outside) == (1, ())
    assert (kinds["DEQUANTIZE"], kinds["QUANTIZE"]) == (BLOCKS * 3, BLOCKS)  # map and gates in, map out
