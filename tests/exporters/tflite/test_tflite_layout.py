"""Orders of axes: random chains of operators compute what ONNX Runtime computes, and transposes stay away."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import onnx
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tflite_models import assert_equal, model, operators, random_inputs, run_onnx, to_nchw, to_nhwc

from ca_deploy.exporters.tflite.convert import convert
from ca_deploy.exporters.tflite.lowering import lower

Shape = tuple[int, ...]


@dataclass
class Chain:
    """A graph under construction: each step takes the value before it, some also an earlier one."""

    shape: Shape
    nodes: list[str] = field(default_factory=list)
    constants: dict[str, object] = field(default_factory=dict)
    shapes: dict[str, Shape] = field(default_factory=dict)

    @property
    def last(self) -> str:
        return f"v{len(self.nodes)}" if self.nodes else "input"

    def add(self, call: str, shape: Shape, constant: object = None) -> None:
        name = f"v{len(self.nodes) + 1}"
        if constant is not None:
            self.constants[f"c_{name}"] = constant
        self.nodes.append(f"{name} = {call.format(x=self.last, c=f'c_{name}')}")
        self.shapes[name] = self.shape = shape

    def build(self, start: Shape) -> onnx.ModelProto:
        body = "\n".join([*self.nodes, f"output = Neg ({self.last})"])
        ends = [",".join(map(str, shape)) for shape in (start, self.shape)]
        return model(
            f"chain (float[{ends[0]}] input) => (float[{ends[1]}] output) {{ {body} }}", **self.constants
        )


def factored(draw: st.DrawFn, size: int) -> Shape:
    """Split a number of elements into up to five axes, some of length 1."""
    lengths = []
    for _ in range(draw(st.integers(1, 4))):
        length = draw(st.sampled_from([n for n in range(1, size + 1) if size % n == 0]))
        lengths.append(length)
        size //= length
    return (*lengths, size)


@st.composite
def chains(draw: st.DrawFn) -> onnx.ModelProto:
    start = tuple(draw(st.lists(st.sampled_from([1, 2, 3, 4]), min_size=4, max_size=4)))
    chain = Chain(start)
    for _ in range(draw(st.integers(1, 6))):
        STEPS[draw(st.sampled_from(sorted(STEPS)))](draw, chain)
    return chain.build(start)


def transpose(draw: st.DrawFn, chain: Chain) -> None:
    order = draw(st.permutations(range(len(chain.shape))))
    chain.add(f"Transpose <perm={list(order)}> ({{x}})", tuple(chain.shape[axis] for axis in order))


def reshape(draw: st.DrawFn, chain: Chain) -> None:
    shape = factored(draw, math.prod(chain.shape))
    chain.add("Reshape ({x}, {c})", shape, list(shape))


def reduction(draw: st.DrawFn, chain: Chain) -> None:
    axis, keep = draw(st.integers(0, len(chain.shape) - 1)), draw(st.booleans())
    shape = (*chain.shape[:axis], *((1,) if keep else ()), *chain.shape[axis + 1 :])
    if shape:
        chain.add(f"ReduceMean <keepdims={int(keep)}> ({{x}}, {{c}})", shape, [axis])


def scaled(draw: st.DrawFn, chain: Chain) -> None:
    kept = [draw(st.booleans()) for _ in chain.shape]
    shape = tuple(length if keep else 1 for length, keep in zip(chain.shape, kept, strict=True))
    chain.add("Mul ({x}, {c})", chain.shape, shape[draw(st.integers(0, len(shape) - 1)) :])


def joined_with_earlier(draw: st.DrawFn, chain: Chain) -> None:
    earlier = [name for name, shape in chain.shapes.items() if shape == chain.shape]
    if earlier:
        chain.add(f"Add ({{x}}, {draw(st.sampled_from(earlier))})", chain.shape)


def broadcast_with_own_mean(draw: st.DrawFn, chain: Chain) -> None:
    shape, name = chain.shape, chain.last
    reduction(draw, chain)
    if len(chain.shape) == len(shape):
        chain.add(f"Mul ({{x}}, {name})", shape)


def concatenated(draw: st.DrawFn, chain: Chain) -> None:
    axis = draw(st.integers(0, len(chain.shape) - 1))
    shape = tuple(length * (2 if other == axis else 1) for other, length in enumerate(chain.shape))
    chain.add(f"Concat <axis={axis}> ({{x}}, {{x}})", shape)


def softmax(draw: st.DrawFn, chain: Chain) -> None:
    chain.add(f"Softmax <axis={draw(st.integers(0, len(chain.shape) - 1))}> ({{x}})", chain.shape)


STEPS = {
    step.__name__: step
    for step in (
        transpose, reshape, reduction, scaled, joined_with_earlier, broadcast_with_own_mean, concatenated,
        softmax,
    )
}  # fmt: skip


def run_lowered(
    graph: onnx.ModelProto, inputs: dict[str, NDArray[np.float32]]
) -> dict[str, NDArray[np.float32]]:
    """Run the TensorFlow graph itself, which is quicker than converting it."""
    lowered = lower(graph)
    with tf.compat.v1.Session(graph=lowered.graph) as session:
        feeds = {lowered.inputs[name]: to_nhwc(array) for name, array in inputs.items()}
        results = session.run(list(lowered.outputs.values()), feeds)
    return {name: to_nchw(array) for name, array in zip(lowered.outputs, results, strict=True)}


@settings(max_examples=100, deadline=None, derandomize=True)
@given(chains())
def test_random_chain_computes_what_onnx_runtime_computes(graph: onnx.ModelProto) -> None:
    inputs = random_inputs(graph)
    assert_equal(run_lowered(graph, inputs), run_onnx(graph, inputs))


@pytest.mark.parametrize(
    ("body", "output", "transposes"),
    [
        (
            "t = Transpose <perm=[0,2,3,1]> (input) b = Relu (t) output = Transpose <perm=[0,3,1,2]> (b)",
            "1,8,4,6",
            0,
        ),
        ("m = ReduceMean <keepdims=1> (input, w) output = Reshape (m, lying)", "1,8,1,4", 0),
        ("g = GlobalAveragePool (input) output = Flatten (g)", "1,8", 0),
        ("r = Reshape (input, tokens) t = Transpose <perm=[0,2,1]> (r) output = MatMul (t, w5)", "1,24,5", 0),
        (
            "r = Reshape (input, tokens) t = Transpose <perm=[0,2,1]> (r) output = Softmax <axis=1> (t)",
            "1,24,8",
            2,
        ),
        (
            "r = Reshape (input, groups) t = Transpose <perm=[0,2,1,3,4]> (r) output = Reshape (t, same)",
            "1,8,4,6",
            1,
        ),
        ("output = Flatten (input)", "1,192", 1),
    ],
    ids=[
        "permute and back",
        "unit axis",
        "pooled",
        "tokens",
        "softmax over tokens",
        "channel shuffle",
        "flatten",
    ],
)
def test_transpose_only_where_axes_must_move(body: str, output: str, transposes: int) -> None:
    graph = model(
        f"g (float[1,8,4,6] input) => (float[{output}] output) {{ {body} }}",
        w=[3], lying=[1, 8, 1, 4], tokens=[1, 8, 24], w5=(8, 5), groups=[1, 2, 4, 4, 6], same=[1, 8, 4, 6],
    )  # fmt: skip
    assert operators(convert(graph).data).count("TRANSPOSE") == transposes
    inputs = random_inputs(graph)
    assert_equal(run_lowered(graph, inputs), run_onnx(graph, inputs))
