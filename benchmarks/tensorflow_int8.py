"""Full-integer int8 by TensorFlow's own converter, of the graph that our int8 file is written from."""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
import onnx
from numpy.typing import NDArray

from ca_deploy.exporters.tflite.client import QUIET


def tensorflow_int8(model: onnx.ModelProto, images: NDArray[np.float32]) -> bytes:
    """Convert and quantize with TensorFlow, its default way.

    Args:
        model: float32, with one image as its input.
        images: for calibration, float32 (N, 3, H, W).

    Returns:
        A .tflite with int8 inputs and outputs.
    """
    os.environ.update(QUIET)
    import tensorflow as tf

    from ca_deploy.exporters.tflite.lowering import lower

    def batches() -> Iterator[list[NDArray[np.float32]]]:
        for image in images:
            yield [image.transpose(1, 2, 0)[None]]

    lowered = lower(model)
    converter = tf.compat.v1.lite.TFLiteConverter(
        lowered.graph.as_graph_def(), list(lowered.inputs.values()), list(lowered.outputs.values())
    )
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = batches
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return bytes(converter.convert())
