"""Small `.tflite` and `.onnx` files that compute the mean of each channel."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto, helper

from ca_deploy.runtimes import Quantization
from ca_deploy.verify.tflite_graph import TFLiteGraph

INPUT = Quantization((0.05,), (-3,))
OUTPUT = Quantization((0.1,), (4,))
UINT8_INPUT = Quantization((0.05,), (125,))


def mean_over_image(dtype: str = "float32", batch: int = 1) -> bytes:
    """(B,6,4,3) NHWC to (B,3): the mean of each channel; quantized, unlike input and output."""
    quantized = dtype != "float32"
    graph = TFLiteGraph()
    given = {"int8": INPUT, "uint8": UINT8_INPUT}.get(dtype)
    images = graph.tensor((batch, 6, 4, 3), dtype, quantization=given)
    axes = graph.tensor((2,), "int32", value=np.array([1, 2]))
    means = graph.tensor((batch, 3), dtype, quantization=OUTPUT if quantized else None)
    graph.node("MEAN", [images, axes], [means], "Reducer", keepDims=False)
    return graph.to_bytes([images], [means])


def onnx_mean(batch: int | str) -> bytes:
    """(B,3,6,4) to (B,3): the mean of each channel."""
    node = helper.make_node("ReduceMean", ["images", "axes"], ["means"], keepdims=0)
    axes = helper.make_tensor("axes", TensorProto.INT64, [2], [2, 3])
    graph = helper.make_graph(
        [node],
        "mean",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [batch, 3, 6, 4])],
        [helper.make_tensor_value_info("means", TensorProto.FLOAT, [batch, 3])],
        [axes],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    return bytes(model.SerializeToString())
