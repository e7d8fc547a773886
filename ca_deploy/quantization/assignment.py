"""Which quantization parameters each tensor of a graph gets: ranges, shared scales, fixed scales."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ca_deploy.quantization.parameters import QuantParams, asymmetric
from ca_deploy.quantization.ranges import Range
from ca_deploy.quantization.rules import Rule
from ca_deploy.quantization.tflite_model import TFLiteModel


def shared_parameters(
    model: TFLiteModel, rules: Sequence[Rule | None], ranges: Mapping[int, Range]
) -> dict[int, QuantParams]:
    """Parameters that operators read each float32 tensor with, by tensor index.

    Tensors that a "same" operator connects form a group with one set of parameters, spanning all their
    ranges; or the fixed parameters of one of them, where those represent the whole group.

    Args:
        model: the float32 model.
        rules: one per operator; None for those that stay float32.
        ranges: of every activation.
    """
    parents: dict[int, int] = {}
    fixed: dict[int, QuantParams] = {}
    known = dict(ranges)

    def root(index: int) -> int:
        while parents.setdefault(index, index) != index:
            index = parents[index]
        return index

    for operator, rule in zip(model.operators, rules, strict=True):
        if rule is None:
            continue
        outputs = [int(index) for index in operator.outputs]
        if rule.fixed is not None:
            fixed.update(dict.fromkeys(outputs, rule.fixed))
        for index in map(int, operator.inputs):
            constant = model.constant(index) if index >= 0 else None
            if constant is not None and constant.dtype == np.float32:
                known.setdefault(index, Range(float(constant.min()), float(constant.max())))
        if rule.scale == "same":
            members = [*outputs, *(int(i) for i in operator.inputs if int(i) in known)]
            for member in members[1:]:
                parents[root(member)] = root(members[0])

    groups: dict[int, list[int]] = {}
    for index in known:
        groups.setdefault(root(index), []).append(index)
    return {
        index: params
        for members in groups.values()
        for index, params in _group(members, known, fixed).items()
    }


def _group(
    members: list[int], ranges: Mapping[int, Range], fixed: Mapping[int, QuantParams]
) -> dict[int, QuantParams]:
    """One set of parameters for all members."""
    span = ranges[members[0]]
    for member in members[1:]:
        span = span.union(ranges[member])
    for member in members:
        if member in fixed and fixed[member].represents(span.low, span.high):
            return dict.fromkeys(members, fixed[member])
    return dict.fromkeys(members, asymmetric(span.low, span.high))
