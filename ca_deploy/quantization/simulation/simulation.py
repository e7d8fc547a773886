"""Run a float32 .tflite in PyTorch, as it is or rounded as its int8 form will be."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ca_deploy.quantization.assignment import shared_parameters
from ca_deploy.quantization.parameters import QuantParams
from ca_deploy.quantization.ranges import Range
from ca_deploy.quantization.simulation.operators import ACTIVATIONS, KERNELS, fused_activation
from ca_deploy.quantization.simulation.support import obstacle
from ca_deploy.quantization.static import rule_of
from ca_deploy.quantization.tflite_model import TFLiteModel

Values = Mapping[int, Tensor]
"""Tensors by their index in the file, channels last."""
Store = Callable[[int, Tensor], Tensor]
"""What a tensor is once it is stored, given its index and its values."""


class Simulation:
    """The operators of a float32 .tflite, which can be run on any number of images at once.

    Where it rounds (weights, and every tensor that the int8 file stores) follows the same rules and ranges as
    `quantize_static`; sums are float32 and biases are not rounded, so that kernels may differ by one step.

    Args:
        data: the float32 file.
        per_channel: whether weights have one scale per output channel.
        keep_float: places of operators that stay float32.
    """

    def __init__(self, data: bytes, per_channel: bool = True, keep_float: Collection[int] = ()) -> None:
        self.model = TFLiteModel(data)
        self.operators = self.model.operators
        rules = [
            None if place in keep_float else rule_of(self.model, operator)
            for place, operator in enumerate(self.operators)
        ]
        self.rules = rules if per_channel else [rule and replace(rule, axis=None) for rule in rules]
        self._float_results = {
            int(index)
            for operator, rule in zip(self.operators, self.rules, strict=True)
            for index in operator.outputs
            if rule is None
        }
        read = {int(index) for operator in self.operators for index in operator.inputs if index >= 0}
        found = {index: self.model.constant(index) for index in sorted(read)}
        self.constants = {i: torch.from_numpy(v.copy()) for i, v in found.items() if v is not None}

    @property
    def missing(self) -> list[str]:
        """What cannot be simulated: kinds of operators, with what is special about them."""
        return sorted({found for operator in self.operators if (found := obstacle(self.model, operator))})

    def weighted(self) -> dict[int, tuple[int, int]]:
        """Places of the operators with constant weights and bias: (weights, bias) as tensor indices."""
        found = {}
        for place, (operator, rule) in enumerate(zip(self.operators, self.rules, strict=True)):
            if rule is None or rule.weights < 0 or not 0 <= rule.bias < len(operator.inputs):
                continue
            weights, bias = (int(operator.inputs[i]) for i in (rule.weights, rule.bias))
            if weights in self.constants and bias in self.constants:
                found[place] = weights, bias
        return found

    def parameters(self, ranges: Mapping[int, Range]) -> dict[int, QuantParams]:
        """What each activation is stored with in the int8 file, by tensor index."""
        shared = shared_parameters(self.model, self.rules, ranges)
        stored = {index: params for index, params in shared.items() if index not in self.constants}
        for operator, rule in zip(self.operators, self.rules, strict=True):
            if rule is not None and rule.fixed is not None:
                stored |= dict.fromkeys(map(int, operator.outputs), rule.fixed)
        return stored

    def rounded_constants(self, ranges: Mapping[int, Range]) -> dict[int, Tensor]:
        """All constants, with weights and the operands of ADD, MUL and the like as int8 holds them."""
        shared = shared_parameters(self.model, self.rules, ranges)
        result = dict(self.constants)
        for operator, rule in zip(self.operators, self.rules, strict=True):
            if rule is None:
                continue
            for place, index in enumerate(map(int, operator.inputs)):
                value = self.constants.get(index)
                if value is None or value.dtype != torch.float32 or place == rule.bias:
                    continue
                weights = place == rule.weights
                result[index] = (
                    rounded_weights(value, rule.axis) if weights else rounded(value, shared[index])
                )
        return result

    def run(
        self,
        images: Tensor,
        constants: Values | None = None,
        stored: Mapping[int, QuantParams] | None = None,
        finish: Callable[[int, Tensor], Tensor] | None = None,
    ) -> tuple[Tensor, ...]:
        """The graph's outputs for images (N, H, W, C) float32.

        Args:
            images: what goes in.
            constants: in place of the file's own.
            stored: round each of these tensors; none by default.
            finish: called in order with each operator's place and what it gives before activation function
                and rounding; gives what to go on with in its place.
        """
        params = stored or {}

        def store(index: int, value: Tensor) -> Tensor:
            return _stored(value, params.get(index))

        (source,), results = self.model.inputs, self.model.outputs
        values: dict[int, Tensor] = {**(constants or self.constants), source: store(source, images)}
        self.advance(values, range(len(self.operators)), store, finish)
        return tuple(values[index] for index in results)

    def advance(
        self,
        values: dict[int, Tensor],
        places: Collection[int],
        store: Store,
        finish: Callable[[int, Tensor], Tensor] | None = None,
    ) -> None:
        """Run some operators in order, and let go of what none of them reads again.

        Args:
            values: what they read, by tensor index, constants included; takes what they write. Of what
                operators before them wrote, only what is read again behind them stays.
            places: which of them, in order.
            store: what the int8 file makes of a tensor, given its index and its values.
            finish: see `run`.
        """
        results = self.model.outputs
        for place in places:
            operator = self.operators[place]
            indices = [int(index) for index in operator.inputs]
            inputs = [self._read(place, index, values.get(index), store) for index in indices]
            outputs = KERNELS[self.model.kind(operator)](inputs, operator.builtinOptions)
            for index, output in zip(map(int, operator.outputs), outputs, strict=True):
                linear = output if finish is None else finish(place, output)
                activated = self.activated(place, linear)
                stays_float = self.rules[place] is None and index not in results
                values[index] = activated if stays_float else store(index, activated)
            for index in {index for index in indices if self.last_reader[index] == place}:
                if index not in results:
                    values.pop(index, None)

    @cached_property
    def last_reader(self) -> dict[int, int]:
        """Place of the last operator that reads each tensor."""
        return {int(i): place for place, operator in enumerate(self.operators) for i in operator.inputs}

    def _read(self, place: int, index: int, value: Tensor | None, store: Store) -> Tensor | None:
        """What an operator reads: int8 ones round what float ones wrote."""
        if value is None or self.rules[place] is None or index not in self._float_results:
            return value
        return store(index, value)

    def activated(self, place: int, linear: Tensor) -> Tensor:
        """What an operator's fused activation function makes of `linear`."""
        return ACTIVATIONS[fused_activation(self.operators[place])](linear)


def rounded(values: Tensor, params: QuantParams) -> Tensor:
    """Values as the integers of `params` (per-tensor) hold them; gradients pass where nothing is clipped."""
    info = np.iinfo(params.dtype)
    scale, zero = float(params.scale[0]), int(params.zero_point[0])
    return torch.fake_quantize_per_tensor_affine(values, scale, zero, info.min, info.max)


def rounded_weights(weights: Tensor, axis: int | None) -> Tensor:
    """Weights as int8 holds them, with one scale per channel or (None) one; see `parameters.symmetric`."""
    if axis is None:
        return rounded_weights(weights.unsqueeze(0), 0).squeeze(0)
    scale = weight_scale(weights, axis).flatten()
    zeros = torch.zeros_like(scale, dtype=torch.int32)
    return torch.fake_quantize_per_channel_affine(weights, scale, zeros, axis, -127, 127)


def weight_scale(weights: Tensor, axis: int | None) -> Tensor:
    """Scales of int8 weights, with the weights' rank: one per channel, or (None) one."""
    others = [other for other in range(weights.dim()) if other != axis]
    scale = weights.detach().abs().amax(others, keepdim=True) / 127
    return torch.where(scale > 0, scale, 1.0)


def channels_last(images: NDArray[Any]) -> Tensor:
    """Images (N, C, H, W) as the simulation takes them, (N, H, W, C)."""
    return torch.from_numpy(np.ascontiguousarray(images.transpose(0, 2, 3, 1)))


def _stored(values: Tensor, params: QuantParams | None) -> Tensor:
    return values if params is None else rounded(values, params)
