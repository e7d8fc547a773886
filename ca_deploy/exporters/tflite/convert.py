"""ONNX to float32 TFLite in this process; `Converter` does it in a process of its own."""

from __future__ import annotations

import onnx

from ca_deploy.exporters.tflite.converted import Converted, Placed
from ca_deploy.exporters.tflite.finish import finished
from ca_deploy.exporters.tflite.layout import boundary
from ca_deploy.exporters.tflite.lowering import lower
from ca_deploy.exporters.tflite.writer import write


def convert(model: onnx.ModelProto) -> Converted:
    """Convert an ONNX model with static shapes to a float32 .tflite file.

    Inputs and outputs of rank 4 are NHWC in the file, all others as in ONNX; inputs, outputs and the
    tensors between them keep their ONNX names. The same model gives the same bytes.

    Args:
        model: float32 weights, operator set 13 or newer, every shape static.

    Raises:
        UserError: the model holds something that TFLite cannot express exactly; the message names every
            such node.
        CaDeployError: the conversion failed for another reason, which is an error of this program.
    """
    lowered = lower(model)
    names = {value.tensor.name: name for name, value in reversed([*lowered.values.items()])}
    data, held = finished(write(lowered), list(lowered.inputs), list(lowered.outputs), names)
    places = {name: Placed(names[value.tensor.name], value.order) for name, value in lowered.values.items()}
    for name, tensor in lowered.outputs.items():
        places[name] = Placed(name, boundary(tensor.shape.rank))
    return Converted(data, {name: place for name, place in places.items() if place.tensor in held})
