"""All rivals, in the order of the results.

Not in the package itself: inside an environment only one of them is imported.
"""

from benchmarks.rivals import executorch, litert_torch, onnx2tf, onnx_runtime, tiny_neural_network
from benchmarks.rivals.rival import Rival

RIVALS: tuple[Rival, ...] = (
    tiny_neural_network.RIVAL,
    litert_torch.RIVAL,
    onnx2tf.RIVAL,
    onnx_runtime.RIVAL,
    executorch.RIVAL,
)
