"""ONNX to float32 TFLite: lowered to NHWC TensorFlow operations, written by TensorFlow's converter.

Nothing here imports TensorFlow: `Converter` runs it in a process of its own, `convert.convert` in the
caller's.
"""

from ca_deploy.exporters.tflite.client import Converter
from ca_deploy.exporters.tflite.converted import Converted, Placed

__all__ = ["Converted", "Converter", "Placed"]
