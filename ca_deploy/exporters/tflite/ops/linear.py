"""Matrix products: FULLY_CONNECTED where the right side is constant, BATCH_MATMUL elsewhere."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from ca_deploy.exporters.tflite.layout import Lowered, constant, logical, permuted, reshaped
from ca_deploy.exporters.tflite.ops.elementwise import combined
from ca_deploy.exporters.tflite.registry import Node, Refused, lowers


@lowers("Gemm")
def gemm(node: Node) -> Lowered:
    """FULLY_CONNECTED with a bias; `alpha` and `beta` are multiplied into the constants."""
    left, right = (
        permuted(node.input(index), (1, 0)) if node.attributes.get(flag, 0) else node.input(index)
        for index, flag in enumerate(("transA", "transB"))
    )
    alpha, beta = (node.attributes.get(name, 1.0) for name in ("alpha", "beta"))
    product = matrix_product(left, _scaled(right, alpha))
    if node.optional(2) is None:
        return product
    return combined(tf.add, product, _scaled(node.input(2), beta))


@lowers("MatMul")
def matmul(node: Node) -> Lowered:
    """FULLY_CONNECTED for a constant matrix on the right, BATCH_MATMUL otherwise."""
    return matrix_product(node.input(0), node.input(1))


def matrix_product(left: Lowered, right: Lowered) -> Lowered:
    """Multiply as numpy does: over the last axis of `left` and the last but one of `right`."""
    if right.constant is not None and right.rank == 2 and left.rank >= 2 and left.constant is None:
        return _fully_connected(left, right)
    if left.rank == 1:
        product = matrix_product(reshaped(left, (1, *left.shape)), right)
        return reshaped(product, (*product.shape[:-2], *product.shape[-1:])) if right.rank > 1 else product
    if right.rank == 1:
        product = matrix_product(left, reshaped(right, (*right.shape, 1)))
        return reshaped(product, product.shape[:-1])
    product = tf.matmul(*(value.arranged(logical(value.rank)) for value in (left, right)))
    return Lowered(product, logical(product.shape.rank))


def _fully_connected(left: Lowered, right: Lowered) -> Lowered:
    """Contract the last axis, in whatever order the other axes lie."""
    value = left.with_last(-1)
    return Lowered(tf.matmul(value.tensor, right.constant), value.order)


def _scaled(value: Lowered, factor: float) -> Lowered:
    if factor == 1:
        return value
    if value.constant is not None:
        return constant((value.constant * factor).astype(value.dtype))
    return Lowered(value.tensor * np.asarray(factor, value.dtype), value.order)


@lowers("Einsum")
def einsum(node: Node) -> Lowered:
    """BATCH_MATMUL, with what TensorFlow's einsum puts around it."""
    equation = str(node.attributes["equation"]).replace(" ", "")
    for labels in equation.split("->")[0].replace("...", "").split(","):
        if len(set(labels)) < max(len(labels), 2):
            raise Refused(f"equation={equation}: an operand with a repeated label or with fewer than two")
    tensors = [value.arranged(logical(value.rank)) for value in node.inputs if value is not None]
    product = tf.einsum(equation, *tensors)
    return Lowered(product, logical(product.shape.rank))
