"""Static int8: a float32 .tflite and the ranges of its tensors become a full-integer .tflite."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Literal

import numpy as np

from ca_deploy.quantization.assignment import shared_parameters
from ca_deploy.quantization.parameters import QuantParams, layer_bias, layer_weights, quantize
from ca_deploy.quantization.ranges import Range
from ca_deploy.quantization.rules import RULES, Rule
from ca_deploy.quantization.rules_int16 import RULES_INT16
from ca_deploy.quantization.tflite_model import TFLiteModel

Activations = Literal["int8", "int16"]

_RULES: Mapping[Activations, Mapping[str, Rule]] = {"int8": RULES, "int16": RULES_INT16}


def quantize_static(
    data: bytes,
    ranges: Mapping[int, Range],
    keep_float: Collection[int] = (),
    per_channel: bool = True,
    activations: Activations = "int8",
) -> bytes:
    """Write the full-integer form of a float32 .tflite.

    Weights are int8 and symmetric, per output channel or per tensor; activations are int8 and asymmetric, or
    int16 and symmetric, with exactly the given ranges; biases are int32, or int64 beside int16, in units of
    input scale times weight scale; inputs and outputs of the graph are of the activations' type.

    Args:
        data: the float32 file.
        ranges: of each activation tensor, by its index in that file.
        keep_float: indices of operators that stay float32, between DEQUANTIZE and QUANTIZE.
        per_channel: whether weights have one scale per output channel.
        activations: the type that they are stored in.
    """
    model = TFLiteModel(data)
    rules = [
        None if index in keep_float else rule_of(model, operator, _RULES[activations])
        for index, operator in enumerate(model.operators)
    ]
    return _Writer(model, rules, shared_parameters(model, rules, ranges, activations), per_channel).write()


def rule_of(model: TFLiteModel, operator: Any, rules: Mapping[str, Rule] = RULES) -> Rule | None:
    """The operator's row, when it has one, computes float32, and its weights and bias are constants."""
    rule = rules.get(model.kind(operator))
    if rule is None or any(model.dtype(int(index)) != np.float32 for index in operator.outputs):
        return None
    inputs = [int(index) for index in operator.inputs]
    learned = [_optional(inputs, place) for place in (rule.weights, rule.bias)]
    if any(index is not None and model.constant(index) is None for index in learned):
        return None  # int8 kernels want them rounded beforehand: symmetric weights, an int32 bias
    return rule


class _Writer:
    """Rewrites one model. A tensor keeps its index in the form that its producer writes."""

    def __init__(
        self,
        model: TFLiteModel,
        rules: list[Rule | None],
        params: Mapping[int, QuantParams],
        per_channel: bool,
    ) -> None:
        self._model = model
        self._rules = rules
        self._params = params
        self._per_channel = per_channel
        self._produced = self._produced_params()
        self._written: list[Any] = []
        self._copies: dict[tuple[int, bytes], int] = {}

    def write(self) -> bytes:
        """The file's content."""
        for operator, rule in zip(self._model.operators, self._rules, strict=True):
            if rule is None:
                operator.inputs = [self._as_float(int(index)) for index in operator.inputs]
            else:
                self._quantize_inputs(operator, rule)
            self._written.append(operator)
        for output in self._model.outputs:
            if output not in self._produced and output in self._params:
                self._model.replace_output(output, self._converted(output, self._params[output]))
        for index, params in self._produced.items():
            self._model.set_quantized(index, params)
        self._model.operators = self._written
        return self._model.dump()

    def _produced_params(self) -> dict[int, QuantParams]:
        """Parameters of the tensors that int8 operators (and the graph's caller) produce."""
        produced = {index: self._params[index] for index in self._model.inputs if index in self._params}
        for operator, rule in zip(self._model.operators, self._rules, strict=True):
            if rule is not None:
                produced |= {int(i): rule.fixed or self._params[int(i)] for i in operator.outputs}
        return produced

    def _quantize_inputs(self, operator: Any, rule: Rule) -> None:
        """Let an operator read integers."""
        inputs = [int(index) for index in operator.inputs]
        read = [self._read_params(index, rule) for index in inputs]
        weights = self._weight_params(inputs, read, rule)
        if weights is not None:
            read[rule.weights] = weights
            data = read[rule.data]
            assert data is not None
            if _optional(inputs, rule.bias) is not None:
                read[rule.bias] = layer_bias(data, weights)
        operator.inputs = [
            index if params is None else self._converted(index, params)
            for index, params in zip(inputs, read, strict=True)
        ]
        self._model.require_version(operator, rule.version)
        if hasattr(operator.builtinOptions, "potScaleInt16"):
            operator.builtinOptions.potScaleInt16 = False  # int16 scales are no powers of two

    def _read_params(self, index: int, rule: Rule) -> QuantParams | None:
        """Parameters that an operator reads a tensor with; None for shapes, axes and absent inputs."""
        if rule.scale != "same" and index in self._produced:
            return self._produced[index]
        return self._params.get(index)

    def _weight_params(
        self, inputs: list[int], read: list[QuantParams | None], rule: Rule
    ) -> QuantParams | None:
        """Parameters of constant weights, whose scales leave room for the bias."""
        if rule.weights < 0:
            return None
        values = self._model.constant(inputs[rule.weights])
        assert values is not None  # or `rule_of` gives no rule, as for the bias
        data = read[rule.data]
        assert data is not None
        bias = _optional(inputs, rule.bias)
        axis = rule.axis if self._per_channel else None
        return layer_weights(values, axis, data, None if bias is None else self._model.constant(bias))

    def _as_float(self, index: int) -> int:
        """Tensor `index` in float32."""
        if index not in self._produced:
            return index
        return self._copy(index, "DEQUANTIZE", None)

    def _converted(self, index: int, params: QuantParams) -> int:
        """Tensor `index` with these parameters: itself, a constant as integers, or an operator's result."""
        values = self._model.constant(index)
        if values is not None:
            key = (index, params.dtype.encode() + params.scale.tobytes() + params.zero_point.tobytes())
            if key not in self._copies:
                suffix = f"/{params.dtype}"
                self._copies[key] = self._model.add_constant(index, suffix, quantize(values, params), params)
            return self._copies[key]
        if index in self._produced and self._produced[index].same_as(params):
            return index
        return self._copy(index, "QUANTIZE", params)

    def _copy(self, index: int, kind: str, params: QuantParams | None) -> int:
        """Insert a DEQUANTIZE or QUANTIZE of tensor `index`, once per result."""
        key = (index, b"" if params is None else params.scale.tobytes() + params.zero_point.tobytes())
        if key not in self._copies:
            copy = self._model.add_activation(index, f"/{kind.lower()}", params)
            version = _conversion_version(kind, self._produced.get(index), params)
            self._written.append(self._model.new_operator(kind, version, index, copy))
            self._copies[key] = copy
        return self._copies[key]


def _optional(inputs: list[int], place: int) -> int | None:
    """The tensor at an input that may be absent."""
    return inputs[place] if 0 <= place < len(inputs) and inputs[place] >= 0 else None


def _conversion_version(kind: str, source: QuantParams | None, result: QuantParams | None) -> int:
    """The first version of QUANTIZE or DEQUANTIZE that takes these; None is float32."""
    if kind == "DEQUANTIZE":
        return 3 if source is not None and source.dtype == "int16" else 2
    return 1 if source is None and result is not None and result.dtype == "int8" else 2
