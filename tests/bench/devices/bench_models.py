"""A block of a mobile network with a gate, put together by hand."""

from __future__ import annotations

import numpy as np

from ca_deploy.runtimes import Quantization
from ca_deploy.verify.tflite_graph import TFLiteGraph

SIZE, CHANNELS = 16, 16
_IMAGE = Quantization((0.02,), (5,))
_FEATURE = Quantization((0.05,), (-20,))
_GATE = Quantization((1 / 256,), (-128,))
# Scales of the product. Feature x gate / 0.05 is a multiple of 1/256, halves among them.
WITHOUT_TIES, WITH_TIES = 0.0437219, 0.05
_WEIGHT_SCALE = 0.02
_RELU6 = 3


class _Block:
    """Builds the block in one type; quantizations are left out in float32."""

    def __init__(self, dtype: str, product_scale: float) -> None:
        self.dtype = dtype
        self.product = Quantization((product_scale,), (-20,))
        self.graph = TFLiteGraph()
        self.random = np.random.default_rng(0)

    def feature(self, shape: tuple[int, ...], quantization: Quantization) -> int:
        quantized = quantization if self.dtype == "int8" else None
        return self.graph.tensor(shape, self.dtype, quantization=quantized)

    def weights(self, shape: tuple[int, ...], channel_axis: int, input_scale: float) -> list[int]:
        """Weights and bias."""
        channels = shape[channel_axis]
        stored = self.random.integers(-100, 100, shape)
        if self.dtype == "float32":
            kernel = self.graph.tensor(shape, value=stored * _WEIGHT_SCALE)
            return [kernel, self.graph.tensor((channels,), value=np.full(channels, 0.1))]
        per_channel = Quantization((_WEIGHT_SCALE,) * channels, (0,) * channels, channel_axis)
        kernel = self.graph.tensor(shape, "int8", quantization=per_channel, value=stored)
        scale = input_scale * _WEIGHT_SCALE
        bias = Quantization((scale,) * channels, (0,) * channels)
        value = np.full(channels, round(0.1 / scale))
        return [kernel, self.graph.tensor((channels,), "int32", quantization=bias, value=value)]

    def build(self) -> bytes:
        graph, image_shape = self.graph, (1, SIZE, SIZE, 3)
        feature_shape, pooled_shape = (1, SIZE, SIZE, CHANNELS), (1, SIZE, 1, CHANNELS)
        image = self.feature(image_shape, _IMAGE)
        expanded, filtered = (self.feature(feature_shape, _FEATURE) for _ in range(2))
        gated = self.feature(feature_shape, self.product)
        pooled, gate = self.feature(pooled_shape, _FEATURE), self.feature(pooled_shape, _GATE)
        unit = {"strideW": 1, "strideH": 1, "fusedActivationFunction": _RELU6}
        graph.node(
            "CONV_2D",
            [image, *self.weights((CHANNELS, 1, 1, 3), 0, _IMAGE.scales[0])],
            [expanded],
            "Conv2D",
            **unit,
        )
        graph.node(
            "DEPTHWISE_CONV_2D",
            [expanded, *self.weights((1, 3, 3, CHANNELS), 3, _FEATURE.scales[0])],
            [filtered],
            "DepthwiseConv2D",
            depthMultiplier=1,
            **unit,
        )
        axis = graph.tensor((1,), "int32", value=np.array([2]))
        graph.node("MEAN", [filtered, axis], [pooled], "Reducer", keepDims=True)
        graph.node("LOGISTIC", [pooled], [gate])
        graph.node("MUL", [filtered, gate], [gated], "Mul")
        return graph.to_bytes([image], [gated])


def gated_block(dtype: str, product_scale: float = WITHOUT_TIES) -> bytes:
    """1x1 and depthwise convolutions, a mean over the width, its sigmoid and the product; float32 or int8."""
    return _Block(dtype, product_scale).build()
