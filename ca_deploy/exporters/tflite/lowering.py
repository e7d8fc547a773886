"""The walk from an ONNX graph to a TensorFlow graph in NHWC."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import onnx
import tensorflow as tf
from onnx.reference import ReferenceEvaluator

from ca_deploy.errors import CaDeployError, UserError
from ca_deploy.exporters.tflite.layout import Lowered, Order, boundary, constant, logical
from ca_deploy.exporters.tflite.ops import LOWERINGS
from ca_deploy.exporters.tflite.registry import ELEMENT_TYPES, Node, Refused, attributes_of, where

ONNX_DOMAINS = ("", "ai.onnx")

RANDOM = {
    "Bernoulli",
    "Multinomial",
    "RandomNormal",
    "RandomNormalLike",
    "RandomUniform",
    "RandomUniformLike",
}
"""Operators whose results are not known when the graph is built, even of constants."""

OLDEST_OPSET = 13
"""Operator sets before this one define Softmax and others differently."""

ADVICE = {
    "Erf": "export with operator set 20 or newer, where GELU is one operator",
    "If": "its shape depends on data; fix the branch before the export",
    "Loop": "its shape depends on data; unroll it before the export",
    "NonMaxSuppression": "its result has no static shape; leave it to the app",
    "NonZero": "its result has no static shape; leave it to the app",
}
"""What to do about operators that cannot be lowered but are met often."""

PLACES_NAMED = 3
"""How many places of one refusal an error names."""

Values = dict[str, Lowered | None]
"""ONNX values by name; None for one that cannot be known because a node before it was refused."""


@dataclass(frozen=True)
class TensorFlowGraph:
    """What the writer needs.

    Attributes:
        graph: the `tf.Graph`.
        inputs: placeholders by the names of the ONNX inputs; NHWC for rank 4.
        outputs: tensors by the names of the ONNX outputs; NHWC for rank 4.
        values: every value of the ONNX graph that the model computes, by name.
    """

    graph: Any
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    values: Mapping[str, Lowered]


def lower(model: onnx.ModelProto) -> TensorFlowGraph:
    """Lower every node of a model with static shapes.

    Raises:
        UserError: operators without lowering and attributes without an exact form, all of them in one
            line; or an input whose shape is not static.
        CaDeployError: a lowering failed, which is an error of this program.
    """
    opset = max((entry.version for entry in model.opset_import if entry.domain in ONNX_DOMAINS), default=1)
    if opset < OLDEST_OPSET:
        raise UserError(f"the ONNX model has operator set {opset}; export it with {OLDEST_OPSET} or newer")
    graph = tf.Graph()
    values: Values = {
        tensor.name: constant(onnx.numpy_helper.to_array(tensor)) for tensor in model.graph.initializer
    }
    with graph.as_default():
        inputs = {
            info.name: _placeholder(info, boundary) for info in model.graph.input if info.name not in values
        }
        values.update(inputs)
        _lower_nodes(model, values, opset)
        known = {name: value for name, value in values.items() if value is not None}
        outputs = {info.name: _output(known[info.name]) for info in model.graph.output}
    return TensorFlowGraph(
        graph,
        {name: value.tensor for name, value in inputs.items()},
        outputs,
        {name: value for name, value in known.items() if value.constant is None},
    )


def _lower_nodes(model: onnx.ModelProto, values: Values, opset: int) -> None:
    """Lower node after node into `values`, standing in for refused ones so that one error names all."""
    stand_ins = _StandIns(model)
    refusals: dict[str, list[str]] = {}
    for index, node in enumerate(model.graph.node):
        with tf.name_scope(f"v{index}"):
            try:
                results = _results(node, values, opset)
            except Refused as refusal:
                refusals.setdefault(f"{node.op_type} ({refusal})", []).append(where(node))
                results = [stand_ins.get(name) for name in node.output]
        values.update(zip(node.output, results, strict=False))
    if refusals:
        raise UserError(_told(refusals))


def _results(node: onnx.NodeProto, values: Values, opset: int) -> Sequence[Lowered | None]:
    lowering = LOWERINGS.get(node.op_type) if node.domain in ONNX_DOMAINS else None
    given = [values[name] if name else None for name in node.input]
    if _is_constant(node, given):
        return _folded(node, given, opset)
    if lowering is None:
        raise Refused(ADVICE.get(node.op_type, "no lowering for this operator"))
    if any(name and values[name] is None for name in node.input):
        return [None] * len(node.output)
    try:
        lowered = lowering(Node(node.op_type, where(node), given, node.output, attributes_of(node)))
    except (ValueError, TypeError, LookupError, tf.errors.OpError) as error:
        reason = str(error).splitlines()[0]
        place = f"{node.op_type} in {where(node)}"
        raise CaDeployError(f"a fault of ca-deploy: lowering {place} to TFLite failed: {reason}") from error
    return [lowered] if isinstance(lowered, Lowered) else lowered


def _told(refusals: Mapping[str, list[str]]) -> str:
    """Put all refusals into one line."""
    nodes = "; ".join(f"{what} in {_places(at)}" for what, at in refusals.items())
    return (
        f"no exact TFLite form for: {nodes}. Write these modules with the operators that docs/operators.md "
        "lists, or leave TFLite out of the export: --formats onnx."
    )


def _places(names: list[str]) -> str:
    places = list(dict.fromkeys(names))
    rest = len(places) - PLACES_NAMED
    return ", ".join(places[:PLACES_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _is_constant(node: onnx.NodeProto, given: Sequence[Lowered | None]) -> bool:
    """Tell whether a node's results are known when the graph is built."""
    if node.op_type in RANDOM or node.domain not in ONNX_DOMAINS:
        return False
    present = [value for name, value in zip(node.input, given, strict=True) if name]
    known = all(value is not None and value.constant is not None for value in present)
    return known and (bool(present) or node.op_type == "Constant")


def _folded(node: onnx.NodeProto, given: Sequence[Lowered | None], opset: int) -> list[Lowered]:
    """Compute a node whose inputs are all constant."""
    graph = onnx.helper.make_graph(
        [node],
        "folded",
        [onnx.helper.make_empty_tensor_value_info(name) for name in node.input],
        [onnx.helper.make_empty_tensor_value_info(name) for name in node.output],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", opset)])
    feeds = {name: value.tensor for name, value in zip(node.input, given, strict=True) if value}
    return [constant(np.asarray(array)) for array in ReferenceEvaluator(model).run(None, feeds)]


class _StandIns:
    """Placeholders for the results of refused nodes, with the shapes that ONNX infers."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self._model = model

    def get(self, name: str) -> Lowered | None:
        """Return a placeholder, or None if its type or shape is not known."""
        info = self._infos.get(name)
        try:
            return None if info is None else _placeholder(info, logical)
        except UserError:
            return None

    @cached_property
    def _infos(self) -> dict[str, onnx.ValueInfoProto]:
        try:
            graph = onnx.shape_inference.infer_shapes(self._model).graph
        except onnx.shape_inference.InferenceError:  # an operator of a domain that ONNX does not know
            graph = self._model.graph
        return {info.name: info for info in (*graph.value_info, *graph.output)}


def _placeholder(info: onnx.ValueInfoProto, order_of: Callable[[int], Order]) -> Lowered:
    """Make a placeholder for a value, with its axes in the order that `order_of` gives for its rank.

    Raises:
        UserError: the shape is not static, or TFLite networks do not take this element type.
    """
    kind = info.type.tensor_type
    if kind.elem_type not in ELEMENT_TYPES:
        name = onnx.TensorProto.DataType.Name(kind.elem_type).lower()
        raise UserError(f"input {info.name!r} has type {name}, which is not exported to TFLite; use float32")
    shape = [axis.dim_value for axis in kind.shape.dim]
    if not all(shape):
        stated = ", ".join(axis.dim_param or str(axis.dim_value) for axis in kind.shape.dim)
        raise UserError(
            f"input {info.name!r} has no static shape, but ({stated}); export it with fixed sizes"
        )
    order = order_of(len(shape))
    placeholder = tf.compat.v1.placeholder(ELEMENT_TYPES[kind.elem_type], [shape[axis] for axis in order])
    return Lowered(placeholder, order)


def _output(value: Lowered) -> Any:
    return tf.identity(value.arranged(boundary(value.rank)))
