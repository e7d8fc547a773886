"""What an old runtime lacks is written with what it has, and computes the same."""

import numpy as np
import pytest
from onnx import helper
from single_operators import normal

from ca_deploy.quantization.older_operators import for_runtime
from ca_deploy.quantization.ranges import measure_ranges
from ca_deploy.quantization.runtime_versions import oldest_runtime, parsed, too_new
from ca_deploy.quantization.static import quantize_static
from ca_deploy.quantization.tflite_model import TFLiteModel
from ca_deploy.runtimes.litert import LiteRT
from ca_deploy.verify.legacy_runtime import run_on_legacy_runtime

NODE = helper.make_node
NEWER = {
    # ONNX nodes, constants, a runtime that lacks them, and the operators that it gets instead
    "HARD_SWISH": ([NODE("HardSwish", ["input"], ["logits"])], {}, "1.14", {"ADD": 1, "MUL": 2}),
    "GELU": (
        [NODE("Gelu", ["input"], ["logits"], approximate="tanh")],
        {},
        "2.8",
        {"MUL": 6, "ADD": 2, "TANH": 1},
    ),
    "SIGN": ([NODE("Sign", ["input"], ["logits"])], {}, "2.10", {"GREATER": 2, "CAST": 2, "SUB": 1}),
    "BROADCAST_TO": (
        [NODE("ReduceMean", ["input", "axes"], ["m"], keepdims=1), NODE("Expand", ["m", "s"], ["logits"])],
        {"axes": np.array([2, 3]), "s": np.array([1, 3, 8, 8])},
        "2.4",
        {"MEAN": 1, "TILE": 1},
    ),
    "CONV_2D": (
        [
            NODE("Conv", ["input", "w0", "b0"], ["wide"]),
            NODE("Conv", ["wide", "w1", "b1"], ["logits"], group=2, pads=[1] * 4),
        ],
        {"w0": normal(4, 3, 1, 1), "b0": normal(4), "w1": normal(6, 2, 3, 3), "b1": normal(6)},
        "2.8",
        {"CONV_2D": 3, "SPLIT": 1, "CONCATENATION": 1},
    ),
}


@pytest.fixture(scope="module")
def newer(to_tflite):
    """The float32 file that holds a kind of operator, and the runtime that lacks it."""

    def make(kind):
        nodes, constants, runtime, _ = NEWER[kind]
        return to_tflite(nodes, constants, opset=20), parsed(runtime)

    return make


def kinds(data):
    model = TFLiteModel(data)
    found = [model.kind(operator) for operator in model.operators]
    return {kind: found.count(kind) for kind in found}


@pytest.mark.parametrize("kind", NEWER)
def test_the_same_is_computed_with_operators_that_the_runtime_has(kind, newer, images):
    data, runtime = newer(kind)
    assert [one.operator for one in too_new(data, runtime)] == [kind]

    older = for_runtime(data, runtime)

    assert (older.rewritten, kinds(older.data)) == ((kind,), NEWER[kind][-1])
    assert not list(too_new(older.data, runtime))
    expected, found = (LiteRT(file).run(images)[0] for file in (data, older.data))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", NEWER)
def test_nothing_changes_for_a_runtime_that_has_them(kind, newer):
    data, _ = newer(kind)
    for runtime in (None, oldest_runtime(data)):
        older = for_runtime(data, runtime)
        assert (older.data, older.rewritten, older.kept_float("int8")) == (data, (), ())


def test_what_has_no_older_operators_stays_and_is_named(to_tflite):
    data = to_tflite([NODE("Gelu", ["input"], ["logits"])], {}, opset=20)
    older = for_runtime(data, (2, 8, 0))
    assert (older.data, older.rewritten) == (data, ())
    assert [str(one) for one in too_new(older.data, (2, 8, 0))] == ["GELU version 1 needs TFLite 2.9.0"]


def test_what_was_a_lookup_stays_float_in_int8(newer):
    older = for_runtime(*newer("HARD_SWISH"))
    model = TFLiteModel(older.data)
    assert older.kept_float("int8") == tuple(model.name(int(one.outputs[0])) for one in model.operators)


def test_an_operator_whose_integers_are_newer_stays_float(to_tflite, images):
    data = to_tflite([NODE("Abs", ["input"], ["logits"])], {})
    ranges = measure_ranges(data, [images], threads=1)
    assert oldest_runtime(quantize_static(data, ranges)) == (2, 4, 0)

    assert for_runtime(data, (2, 4, 0)).kept_float("int8") == ()
    assert for_runtime(data, (2, 3, 0)).kept_float("int8") == ("logits",)
    assert oldest_runtime(quantize_static(data, ranges, keep_float=[0])) < (2, 3, 0)


@pytest.mark.devices
@pytest.mark.parametrize("kind", NEWER)
def test_tflite_2_14_computes_it_as_well(kind, newer, images, tmp_path):
    data, runtime = newer(kind)
    file = tmp_path / "model.tflite"
    file.write_bytes(for_runtime(data, runtime).data)
    (found,) = run_on_legacy_runtime(file, images[:3]).outputs
    np.testing.assert_allclose(found, LiteRT(data).run(images[:3])[0], rtol=1e-5, atol=1e-5)
