"""Channels without weights, which coremltools would store with a scale of zero."""

from __future__ import annotations

from typing import Any

import numpy as np

from ca_deploy.runtimes.coreml_tools import ct, mb

GIVE_SCALES = "ca_deploy::give_dead_channels_scales"
_AFFINE = "constexpr_affine_dequantize"
_passes = ct.converters.mil.mil.passes


@_passes.pass_registry.register_pass(namespace="ca_deploy")
class give_dead_channels_scales(_passes.graph_pass.AbstractGraphPass):  # type: ignore[misc,name-defined]  # noqa: N801
    """Where a channel of int8 weights has a scale of zero, give it the smallest of the others, and zeros.

    coremltools divides a channel by the largest of its weights, in float16. Below 2^-17 nothing is left of
    that: it stores 0 / 0 as an integer, and a scale that no accumulator can be rescaled with.
    """

    def apply(self, prog: Any) -> None:
        """Replace the weights in every function of a program."""
        for function in prog.functions.values():
            for operation in list(function.operations):
                if operation.op_type == _AFFINE and not np.all(operation.scale.val):
                    _replace(function, operation)


def _replace(block: Any, operation: Any) -> None:
    scale, integers = np.atleast_1d(operation.scale.val), operation.quantized_data.val
    dead = scale == 0
    smallest = scale[~dead].min() if not dead.all() else scale.dtype.type(1)
    shape = [1] * integers.ndim
    shape[int(operation.axis.val)] = -1
    with block:
        weights = mb.constexpr_affine_dequantize(
            quantized_data=np.where(dead.reshape(shape), np.int8(0), integers),
            zero_point=operation.zero_point.val,
            scale=np.where(dead, smallest, scale).reshape(operation.scale.val.shape),
            axis=operation.axis.val,
            name=f"{operation.name}_alive",
            before_op=operation,
        )
    block.replace_uses_of_var_after_op(
        anchor_op=operation, old_var=operation.outputs[0], new_var=weights, force_replace=True
    )
    block.remove_ops([operation])
