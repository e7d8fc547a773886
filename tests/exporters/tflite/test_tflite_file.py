"""The finished file: names, layouts, signature, biases, alignment."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import tflite_blocks as blocks
from ai_edge_litert import schema_py_generated as schema
from tflite_models import model, operators, plain_interpreter, random_inputs, run_onnx, to_nhwc

from ca_deploy.exporters.tflite.convert import convert


@pytest.mark.parametrize(
    "graph",
    [blocks.plain(), blocks.cbam(), blocks.coordinate_attention(), blocks.coordinate_attention_as_exported()],
    ids=["plain", "cbam", "ca", "ca as exported"],
)
def test_each_named_tensor_holds_its_onnx_value(graph: onnx.ModelProto) -> None:
    converted = convert(graph)
    inputs = random_inputs(graph)
    observed = onnx.ModelProto.FromString(graph.SerializeToString())
    observed.graph.output.extend(
        onnx.helper.make_empty_tensor_value_info(name) for node in graph.graph.node for name in node.output
        if name != "output"
    )  # fmt: skip
    wanted = run_onnx(observed, inputs) | inputs
    interpreter = plain_interpreter(converted.data)
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], to_nhwc(inputs["input"]))
    interpreter.invoke()
    indices = {detail["name"]: detail["index"] for detail in interpreter.get_tensor_details()}
    assert len(converted.values) > len(graph.graph.node) / 2
    for name, placed in converted.values.items():
        got = interpreter.get_tensor(indices[placed.tensor])
        np.testing.assert_allclose(
            got, wanted[name].transpose(placed.order), rtol=1e-4, atol=1e-5, err_msg=name
        )


def test_signature_and_names() -> None:
    interpreter = plain_interpreter(convert(blocks.se()).data)
    assert interpreter.get_signature_list() == {
        "serving_default": {"inputs": ["input"], "outputs": ["output"]}
    }
    assert interpreter.get_input_details()[0]["name"] == "input"
    assert list(interpreter.get_input_details()[0]["shape"]) == [1, 6, 6, 16]
    assert interpreter.get_output_details()[0]["name"] == "output"


def test_input_that_is_also_an_output_keeps_its_name() -> None:
    graph = model(
        "g (float[4] input) => (float[4] same, float[4] output) {"
        "same = Identity (input) output = Neg (input) }"
    )
    assert [detail["name"] for detail in plain_interpreter(convert(graph).data).get_input_details()] == [
        "input"
    ]


def test_buffers_may_be_mapped() -> None:
    data = convert(blocks.plain()).data
    parsed = schema.Model.GetRootAs(data, 0)
    held = [parsed.Buffers(index) for index in range(parsed.BuffersLength())]
    starts = [buffer._tab.Vector(buffer._tab.Offset(4)) for buffer in held if not buffer.DataIsNone()]
    assert len(starts) > 8
    assert {start % 16 for start in starts} == {0}


def test_fully_connected_has_a_bias() -> None:
    graph = model("g (float[2,3] input) => (float[2,5] output) { output = MatMul (input, w) }", w=(3, 5))
    data = convert(graph).data
    assert operators(data) == ["FULLY_CONNECTED"]
    parsed = schema.ModelT.InitFromPackedBuf(data, 0)
    bias = parsed.subgraphs[0].operators[0].inputs[2]
    assert parsed.subgraphs[0].tensors[bias].name == b"output/bias"
    assert not np.any(parsed.buffers[parsed.subgraphs[0].tensors[bias].buffer].data)


def test_nothing_of_this_machine_is_in_the_file() -> None:
    data = convert(blocks.plain()).data
    assert b"CONVERSION_METADATA" not in data
    assert b"/" + b"work" not in data
