"""What cannot be lowered: one line that names every such node, its place and the way out."""

from __future__ import annotations

import onnx
import pytest
from tflite_models import model

from ca_deploy.errors import CaDeployError, UserError
from ca_deploy.exporters.tflite.convert import convert
from ca_deploy.exporters.tflite.registry import LOWERINGS, MODULE_KEY, Node, lowers

WAY_OUT = "docs/operators.md"


def refusal(graph: onnx.ModelProto) -> str:
    with pytest.raises(UserError) as caught:
        convert(graph)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_unknown_operators_and_attributes_are_named_together() -> None:
    graph = model(
        """g (float[1,8,4,4] input) => (float[1,8,8,8] output) {
            a = Det (input)
            b = Erf (input)
            c = MaxPool <kernel_shape=[2,2], dilations=[2,2]> (b)
            output = Resize <mode="cubic"> (b, , scales)
        }""",
        scales=[1.0, 1.0, 2.0, 2.0],
    )
    line = refusal(graph)
    assert "Det (no lowering for this operator) in a" in line
    assert "Erf (export with operator set 20 or newer, where GELU is one operator) in b" in line
    assert "MaxPool (dilations=[2, 2]) in c" in line
    assert "Resize (mode=cubic is not supported, only nearest, linear) in output" in line
    assert WAY_OUT in line


def test_module_of_the_user_is_named() -> None:
    graph = model("g (float[1,8,4,4] input) => (float[1,8,4,4] output) { output = Erf (input) }")
    graph.graph.node[0].metadata_props.add(key=MODULE_KEY, value="features.3.conv.6")
    assert "in features.3.conv.6." in refusal(graph)


def test_many_places_are_counted() -> None:
    nodes = "\n".join(f"v{index} = Erf (input)" for index in range(5))
    graph = model(f"g (float[4] input) => (float[4] output) {{ {nodes} output = Neg (v0) }}")
    assert "in v0, v1, v2 and 2 more." in refusal(graph)


def test_function_of_another_domain_is_not_mistaken() -> None:
    graph = model("g (float[4] input) => (float[4] output) { output = Neg (input) }")
    graph.graph.node[0].domain = "com.example"
    assert "Neg (no lowering for this operator)" in refusal(graph)


def test_computed_weights_are_refused() -> None:
    graph = model(
        """g (float[1,8,4,4] input, float[8,8,1,1] w) => (float[1,8,4,4] output) {
            output = Conv <kernel_shape=[1,1]> (input, w)
        }"""
    )
    assert "Conv (weights must be constant, not computed in the network)" in refusal(graph)


@pytest.mark.parametrize(
    ("signature", "words"),
    [
        ("float[N,8] input", "input 'input' has no static shape, but (N, 8)"),
        ("double[1,8] input", "input 'input' has type double"),
    ],
)
def test_inputs_that_tflite_cannot_take(signature: str, words: str) -> None:
    kind = signature.split("[")[0]
    graph = model(f"g ({signature}) => ({kind}[A,8] output) {{ output = Neg (input) }}")
    assert words in refusal(graph)


def test_old_operator_set_is_refused() -> None:
    graph = model("g (float[4] input) => (float[4] output) { output = Neg (input) }")
    graph.opset_import[0].version = 11
    assert refusal(graph) == "the ONNX model has operator set 11; export it with 13 or newer"


def test_failing_lowering_is_our_error_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LOWERINGS, "Neg", LOWERINGS["Neg"])

    @lowers("Neg")
    def broken(node: Node) -> None:
        raise ValueError("first line\nsecond line")

    graph = model("g (float[4] input) => (float[4] output) { output = Neg (input) }")
    with pytest.raises(CaDeployError, match=r"lowering Neg in output to TFLite failed: first line$"):
        convert(graph)


def test_converter_failure_is_our_error_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow as tf

    from ca_deploy.exporters.tflite.layout import Lowered

    monkeypatch.setitem(
        LOWERINGS, "Neg", lambda node: Lowered(tf.math.erf(node.input(0).tensor), node.input(0).order)
    )
    graph = model("g (float[4] input) => (float[4] output) { output = Neg (input) }")
    with pytest.raises(CaDeployError, match=r"TensorFlow's converter refused its graph: [^\n]+$"):
        convert(graph)
