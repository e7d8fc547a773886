"""The blocks of MobileNetV2 with and without attention, as the ONNX graphs that the passes leave behind."""

from __future__ import annotations

import onnx
from tflite_models import model

CHANNELS, HIDDEN, SIDE = 16, 8, 6


def plain(side: int = SIDE) -> onnx.ModelProto:
    """Expand, depthwise with stride 2, project; then depthwise with stride 1 and a residual sum."""
    half = (side + 1) // 2
    return model(
        f"""plain (float[1,8,{side},{side}] input) => (float[1,16,{half},{half}] output) {{
            a = Conv <kernel_shape=[1,1]> (input, w1, b1)
            a6 = Clip (a, zero, six)
            b = Conv <kernel_shape=[3,3], group=16, pads=[1,1,1,1], strides=[2,2]> (a6, w2, b2)
            b6 = Clip (b, zero, six)
            c = Conv <kernel_shape=[1,1]> (b6, w3, b3)
            d = Conv <kernel_shape=[3,3], group=16, pads=[1,1,1,1]> (c, w2, b2)
            d6 = Clip (d, zero, six)
            e = Conv <kernel_shape=[1,1]> (d6, w3, b3)
            output = Add (c, e)
        }}""",
        w1=(16, 8, 1, 1), b1=(16,), w2=(16, 1, 3, 3), b2=(16,), w3=(16, 16, 1, 1), b3=(16,),
        zero=0.0, six=6.0,
    )  # fmt: skip


def se() -> onnx.ModelProto:
    """Squeeze and excitation."""
    return model(
        """se (float[1,16,6,6] input) => (float[1,16,6,6] output) {
            pooled = GlobalAveragePool (input)
            a = Conv <kernel_shape=[1,1]> (pooled, w1, b1)
            r = Relu (a)
            b = Conv <kernel_shape=[1,1]> (r, w2, b2)
            gate = Sigmoid (b)
            output = Mul (input, gate)
        }""",
        w1=(8, 16, 1, 1), b1=(8,), w2=(16, 8, 1, 1), b2=(16,),
    )  # fmt: skip


def cbam() -> onnx.ModelProto:
    """Channel attention by a shared MLP on mean and maximum, then spatial attention."""
    return model(
        """cbam (float[1,16,6,6] input) => (float[1,16,6,6] output) {
            mean = ReduceMean <keepdims=1> (input, spatial)
            mean_row = Reshape (mean, row)
            mean_1 = Gemm <transB=1> (mean_row, w1, b1)
            mean_r = Relu (mean_1)
            mean_2 = Gemm <transB=1> (mean_r, w2, b2)
            max = ReduceMax <keepdims=1> (input, spatial)
            max_row = Reshape (max, row)
            max_1 = Gemm <transB=1> (max_row, w1, b1)
            max_r = Relu (max_1)
            max_2 = Gemm <transB=1> (max_r, w2, b2)
            logit = Add (mean_2, max_2)
            gate = Sigmoid (logit)
            gate_4 = Unsqueeze (gate, spatial)
            x = Mul (input, gate_4)
            channel_max = ReduceMax <keepdims=1> (x, channel)
            channel_mean = ReduceMean <keepdims=1> (x, channel)
            both = Concat <axis=1> (channel_max, channel_mean)
            map = Conv <kernel_shape=[7,7], pads=[3,3,3,3]> (both, w3)
            map_gate = Sigmoid (map)
            output = Mul (x, map_gate)
        }""",
        spatial=[2, 3], channel=[1], row=[1, 16],
        w1=(8, 16), b1=(8,), w2=(16, 8), b2=(16,), w3=(1, 2, 7, 7),
    )  # fmt: skip


def coordinate_attention(height: int = SIDE, width: int = SIDE) -> onnx.ModelProto:
    """The paper's form, pooling as means and transposes of unit axes as reshapes."""
    return model(
        f"""ca (float[1,16,{height},{width}] input) => (float[1,16,{height},{width}] output) {{
            rows = ReduceMean <keepdims=1> (input, width_axis)
            columns = ReduceMean <keepdims=1> (input, height_axis)
            columns_t = Reshape (columns, upright)
            both = Concat <axis=2> (rows, columns_t)
            shared = Conv <kernel_shape=[1,1]> (both, w1, b1)
            bent = HardSwish (shared)
            of_rows, of_columns = Split <axis=2> (bent, sides)
            of_columns_t = Reshape (of_columns, lying)
            logit_w = Conv <kernel_shape=[1,1]> (of_columns_t, w3, b3)
            gate_w = Sigmoid (logit_w)
            x = Mul (input, gate_w)
            logit_h = Conv <kernel_shape=[1,1]> (of_rows, w2, b2)
            gate_h = Sigmoid (logit_h)
            output = Mul (x, gate_h)
        }}""",
        height_axis=[2], width_axis=[3], upright=[1, 16, width, 1], lying=[1, 8, 1, width],
        sides=[height, width], w1=(8, 16, 1, 1), b1=(8,), w2=(16, 8, 1, 1), b2=(16,),
        w3=(16, 8, 1, 1), b3=(16,),
    )  # fmt: skip


def coordinate_attention_as_exported() -> onnx.ModelProto:
    """What torch.onnx writes for the published code: pools, transposes, expands and h_swish in four parts."""
    return model(
        """ca (float[1,16,6,6] input) => (float[1,16,6,6] output) {
            rows = AveragePool <kernel_shape=[1,6], strides=[1,6]> (input)
            columns = AveragePool <kernel_shape=[6,1], strides=[6,1]> (input)
            columns_t = Transpose <perm=[0,1,3,2]> (columns)
            both = Concat <axis=2> (rows, columns_t)
            shared = Conv <kernel_shape=[1,1]> (both, w1, b1)
            shifted = Add (shared, three)
            clipped = Clip (shifted, zero, six)
            product = Mul (shared, clipped)
            bent = Div (product, six)
            of_rows, of_columns = Split <axis=2> (bent, sides)
            of_columns_t = Transpose <perm=[0,1,3,2]> (of_columns)
            logit_w = Conv <kernel_shape=[1,1]> (of_columns_t, w3, b3)
            gate_w = Sigmoid (logit_w)
            full_w = Expand (gate_w, full)
            x = Mul (input, full_w)
            logit_h = Conv <kernel_shape=[1,1]> (of_rows, w2, b2)
            gate_h = Sigmoid (logit_h)
            full_h = Expand (gate_h, full)
            output = Mul (x, full_h)
        }""",
        three=3.0, zero=0.0, six=6.0, sides=[6, 6], full=[1, 16, 6, 6],
        w1=(8, 16, 1, 1), b1=(8,), w2=(16, 8, 1, 1), b2=(16,), w3=(16, 8, 1, 1), b3=(16,),
    )  # fmt: skip
