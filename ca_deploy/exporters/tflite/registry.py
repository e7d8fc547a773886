"""The table from ONNX operators to the functions that lower them, and what such a function is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import tensorflow as tf
from numpy.typing import NDArray

from ca_deploy.exporters.tflite.layout import Lowered

MODULE_KEY = "ca_deploy.module"
"""Key in an ONNX node's metadata that holds the path of the user's module that the node came from."""


ELEMENT_TYPES: dict[int, Any] = {
    onnx.TensorProto.FLOAT: tf.float32,
    onnx.TensorProto.INT32: tf.int32,
    onnx.TensorProto.INT64: tf.int64,
    onnx.TensorProto.BOOL: tf.bool,
}
"""Element types that values of a network may have in TFLite."""


class Refused(Exception):  # noqa: N818 - an answer, not an error of the program
    """A lowering cannot express its node exactly; the message says which property is at fault."""


@dataclass(frozen=True)
class Node:
    """An ONNX node whose inputs are already lowered.

    Attributes:
        operator: the ONNX operator.
        where: the path of the user's module, or the node's name.
        inputs: one value per input; None for an optional input that is left out.
        outputs: names of the output values.
        attributes: attributes by name; byte strings decoded, lists as lists, tensors as numpy arrays.
    """

    operator: str
    where: str
    inputs: Sequence[Lowered | None]
    outputs: Sequence[str]
    attributes: Mapping[str, Any]

    def input(self, index: int) -> Lowered:
        """Return an input that must be there."""
        value = self.optional(index)
        if value is None:
            raise Refused(f"input {index} is missing")
        return value

    def optional(self, index: int) -> Lowered | None:
        """Return an input, or None if it is left out."""
        return self.inputs[index] if index < len(self.inputs) else None

    def constant(self, index: int, what: str) -> NDArray[Any]:
        """Return an input that must be known when the model is built; `what` names it in the refusal."""
        value = self.input(index).constant
        if value is None:
            raise Refused(f"{what} must be constant, not computed in the network")
        return value

    def setting(self, name: str, index: int) -> NDArray[Any] | None:
        """Return what is constant input `index` in newer operator sets and attribute `name` in older ones."""
        if self.optional(index) is not None:
            return self.constant(index, name)
        value = self.attributes.get(name)
        return None if value is None else np.asarray(value)

    def axes(self, index: int, rank: int) -> list[int] | None:
        """Return the axes, counted from the front; None if they are left out."""
        axes = self.setting("axes", index)
        return None if axes is None else [int(axis) % rank for axis in np.atleast_1d(axes)]

    def text(self, name: str, default: str, allowed: Sequence[str]) -> str:
        """Return an attribute that is one of a few words."""
        value = str(self.attributes.get(name, default))
        if value not in allowed:
            raise Refused(f"{name}={value} is not supported, only {', '.join(allowed)}")
        return value


Lowering = Callable[[Node], Lowered | Sequence[Lowered]]

LOWERINGS: dict[str, Lowering] = {}
"""ONNX operator → the function that lowers it; filled when `ca_deploy.exporters.tflite.ops` is imported."""


def lowers(*operators: str) -> Callable[[Lowering], Lowering]:
    """Register a function as the lowering of ONNX operators."""

    def register(lowering: Lowering) -> Lowering:
        for operator in operators:
            LOWERINGS[operator] = lowering
        return lowering

    return register


def attributes_of(node: onnx.NodeProto) -> dict[str, Any]:
    """Decode a node's attributes."""
    return {
        attribute.name: _decoded(onnx.helper.get_attribute_value(attribute)) for attribute in node.attribute
    }


def where(node: onnx.NodeProto) -> str:
    """Say where a node came from: the user's module if that is noted, else the node's or result's name."""
    for entry in node.metadata_props:
        if entry.key == MODULE_KEY:
            return str(entry.value)
    return str(node.name or node.output[0])


def _decoded(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, onnx.TensorProto):
        return onnx.numpy_helper.to_array(value)
    if isinstance(value, list) and value and isinstance(value[0], bytes):
        return [item.decode() for item in value]
    return value
