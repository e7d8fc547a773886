"""Runtimes: one adapter per library that executes an artifact here, behind one protocol.

>>> runtime = open_runtime(Path("model_int8.tflite"), threads=2)
>>> (logits,) = runtime.run(images)  # float32 NCHW in, float32 out, whatever the file stores
"""

from ca_deploy.runtimes.protocol import Quantization, Runtime, TensorInfo, open_runtime

__all__ = ["Quantization", "Runtime", "TensorInfo", "open_runtime"]
