"""From a TensorFlow graph to a .tflite file, by TensorFlow's converter."""

from __future__ import annotations

import tensorflow as tf

from ca_deploy.errors import CaDeployError
from ca_deploy.exporters.tflite.lowering import TensorFlowGraph


def write(lowered: TensorFlowGraph) -> bytes:
    """Convert with TensorFlow's converter, restricted to TFLite's own operators.

    Raises:
        CaDeployError: the converter refused the graph, which is an error of a lowering.
    """
    # The entrance for TensorFlow 1 takes a graph of constants as it is; the newer ones trace and freeze it
    # again, which takes longer.
    converter = tf.compat.v1.lite.TFLiteConverter(
        lowered.graph.as_graph_def(), list(lowered.inputs.values()), list(lowered.outputs.values())
    )
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    try:
        return bytes(converter.convert())
    except Exception as error:  # the converter's exceptions are classes of private modules
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise CaDeployError(
            f"a fault of ca-deploy: TensorFlow's converter refused its graph: {reason}"
        ) from error
