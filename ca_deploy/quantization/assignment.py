"""Which quantization parameters each tensor of a graph gets: ranges, shared scales, fixed scales."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from ca_deploy.quantization.groups import Groups
from ca_deploy.quantization.parameters import IntName, QuantParams, spanning
from ca_deploy.quantization.ranges import Range
from ca_deploy.quantization.rules import Rule
from ca_deploy.quantization.tflite_model import TFLiteModel

_CLIPS = (schema.ActivationFunctionType.RELU6, schema.ActivationFunctionType.RELU_N1_TO_1)
_LEAST_CLIPPED_SCALE = 2.0**-28
"""Kernels hold the bound in steps, as int32, and refuse a file where 6 is more than 2^31 of them: a layer
that training has switched off may give less than a millionth."""


def shared_parameters(
    model: TFLiteModel,
    rules: Sequence[Rule | None],
    ranges: Mapping[int, Range],
    dtype: IntName = "int8",
) -> dict[int, QuantParams]:
    """Parameters that operators read each float32 tensor with, by tensor index.

    Tensors that a "same" operator connects form a group with one set of parameters, spanning all their
    ranges; or the fixed parameters of one of them, where those represent the whole group.

    Args:
        model: the float32 model.
        rules: one per operator; None for those that stay float32.
        ranges: of every activation.
        dtype: that activations are stored in.

    Returns:
        Those of every tensor with a range, without what is NaN or infinite and stored in float32 alone.

    Raises:
        UserError: when another one is NaN or infinite.
    """
    quantized = [(op, rule) for op, rule in zip(model.operators, rules, strict=True) if rule is not None]
    operators = [operator for operator, _ in quantized]
    known = {**ranges, **_clipped_ranges(operators, ranges, dtype), **_constant_ranges(model, operators)}
    fixed = {int(i): rule.fixed for operator, rule in quantized if rule.fixed for i in operator.outputs}
    groups: Groups[int] = Groups()
    for operator, rule in quantized:
        if rule.scale == "same":
            groups.tie([int(i) for i in (*operator.outputs, *operator.inputs) if int(i) in known])
    stored = {int(i) for operator, _ in quantized for i in (*operator.inputs, *operator.outputs)}
    stored |= {*model.inputs, *model.outputs}
    params: dict[int, QuantParams] = {}
    for members in groups.of(known):
        for member in stored.intersection(members):
            known[member].check_finite(model.name(member))
        if stored.intersection(members) or known[members[0]].finite:
            params |= _group(members, known, fixed, dtype)
    return params


def _clipped_ranges(
    operators: Sequence[Any], ranges: Mapping[int, Range], dtype: IntName
) -> dict[int, Range]:
    """Ranges of what is clipped by a fused ReLU6, wide enough for kernels to hold its bound."""
    info = np.iinfo(dtype)
    least = Range(0.0, (int(info.max) - int(info.min)) * _LEAST_CLIPPED_SCALE)
    clipped = [
        int(operator.outputs[0])
        for operator in operators
        if getattr(operator.builtinOptions, "fusedActivationFunction", None) in _CLIPS
    ]
    return {index: ranges[index].union(least) for index in clipped}


def _constant_ranges(model: TFLiteModel, operators: Sequence[Any]) -> dict[int, Range]:
    """Ranges of the float32 constants that these operators read."""
    ranges = {}
    for index in {int(i) for operator in operators for i in operator.inputs if i >= 0}:
        values = model.constant(index)
        if values is not None and values.dtype == np.float32:
            ranges[index] = Range(float(values.min()), float(values.max()))
    return ranges


def _group(
    members: list[int], ranges: Mapping[int, Range], fixed: Mapping[int, QuantParams], dtype: IntName
) -> dict[int, QuantParams]:
    """One set of parameters for all members."""
    span = ranges[members[0]]
    for member in members[1:]:
        span = span.union(ranges[member])
    for member in members:
        if member in fixed and fixed[member].represents(span.low, span.high):
            return dict.fromkeys(members, fixed[member])
    return dict.fromkeys(members, spanning(span.low, span.high, dtype))
