"""onnx's own cases for each operator, through the converter and LiteRT."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.backend.test.case.node as onnx_cases
import pytest
from numpy.typing import NDArray
from onnx.backend.test.case.test_case import TestCase
from tflite_models import run_tflite

from ca_deploy.errors import CaDeployError
from ca_deploy.exporters.tflite.convert import convert
from ca_deploy.exporters.tflite.coverage import EVERY, EXCLUSIONS, FUNCTIONS, excluded, page
from ca_deploy.exporters.tflite.ops import LOWERINGS

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning:onnx.backend.test.case")

PARAMETERS = {
    "BatchNormalization": (1, 2, 3, 4), "Clip": (1, 2), "Conv": (1, 2), "ConvTranspose": (1, 2),
    "CumSum": (1,), "Dropout": (1, 2), "Expand": (1,), "Pad": (1, 2, 3), "Reshape": (1,), "Resize": (1, 2, 3),
    "Slice": (1, 2, 3, 4), "Split": (1,), "Squeeze": (1,), "Tile": (1,), "TopK": (1,), "Unsqueeze": (1,),
} | {operator: (1,) for operator in LOWERINGS if operator.startswith("Reduce")}  # fmt: skip
"""Inputs that are constant in networks and graph inputs in onnx's cases."""

MODULES = {module.name.replace("_", ""): module.name for module in pkgutil.iter_modules(onnx_cases.__path__)}
SLOW_TO_IMPORT = {"AveragePool", "MaxPool"}
"""onnx computes some of their cases element by element; test_tflite_windows.py tries these operators too."""


def cases_of(operator: str) -> list[TestCase]:
    """Give the cases of an operator and of its definition by others, as far as we lower those."""
    # `collect_testcases` would compute all 1,884 cases, which takes ten times as long as these.
    importlib.import_module(f"{onnx_cases.__name__}.{MODULES[operator.lower()]}")
    cases = onnx_cases._NodeTestCases
    own = {case.name for case in cases if [node.op_type for node in case.model.graph.node] == [operator]}
    return [case for case in cases if case.name.split("_expanded")[0] in own and is_lowered(case)]


def is_lowered(case: TestCase) -> bool:
    return all(node.op_type in {*LOWERINGS, "Constant"} for node in case.model.graph.node)


def check(case: TestCase) -> None:
    model, inputs, wanted = prepared(case)
    got = run_tflite(convert(model).data, inputs)
    for name, array in wanted.items():
        assert got[name].dtype == array.dtype
        np.testing.assert_allclose(got[name], array, rtol=max(case.rtol, 1e-4), atol=max(case.atol, 1e-5))


def prepared(
    case: TestCase,
) -> tuple[onnx.ModelProto, dict[str, NDArray[Any]], dict[str, NDArray[Any]]]:
    """Make parameters constant and float64 float32; return the model, its inputs and its expected outputs."""
    model = onnx.ModelProto.FromString(case.model.SerializeToString())
    graph = model.graph
    # And, Or, Xor, Not and Dropout are still tried with operator sets before 13, which define them the same.
    model.opset_import[0].version = max(model.opset_import[0].version, 13)
    parameters = {
        name for node in graph.node for name in np.array(node.input)[parameter_positions(node)] if name
    }
    given, wanted = (
        {info.name: narrowed(array) for info, array in zip(infos, arrays, strict=True)}
        for infos, arrays in zip((graph.input, graph.output), case.data_sets[0], strict=True)
    )
    for info in [*graph.input, *graph.output]:
        if info.type.tensor_type.elem_type == onnx.TensorProto.DOUBLE:
            info.type.tensor_type.elem_type = onnx.TensorProto.FLOAT
        if info.name in parameters:
            graph.initializer.append(onnx.numpy_helper.from_array(given.pop(info.name), info.name))
            graph.input.remove(info)
    return model, given, wanted


def parameter_positions(node: onnx.NodeProto) -> list[int]:
    return [index for index in PARAMETERS.get(node.op_type, ()) if index < len(node.input)]


def narrowed(value: Any) -> NDArray[Any]:
    array = np.asarray(onnx.numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else value)
    return array.astype(np.float32) if array.dtype == np.float64 else array


@pytest.mark.parametrize("operator", sorted(set(LOWERINGS) - SLOW_TO_IMPORT))
def test_first_case_of_each_operator(operator: str) -> None:
    check(next(case for case in cases_of(operator) if not excluded(operator, case.name)))


@pytest.mark.slow
@pytest.mark.parametrize("operator", sorted(LOWERINGS))
def test_every_case_of_each_operator(operator: str) -> None:
    cases = cases_of(operator)
    assert cases
    for case in cases:
        if excluded(operator, case.name):
            with pytest.raises((CaDeployError, AssertionError, ValueError)):
                check(case)
        else:
            check(case)


@pytest.mark.slow
def test_functions_that_are_made_of_lowered_operators() -> None:
    functions = [
        case
        for case in onnx_cases.collect_testcases(None)
        if "_expanded" in case.name and is_lowered(case) and not excluded(FUNCTIONS, case.name)
    ]
    assert len(functions) > 80
    for case in functions:
        check(case)


@pytest.mark.slow
@pytest.mark.parametrize("operator", sorted(set(EXCLUSIONS) - {EVERY, FUNCTIONS}))
def test_every_exclusion_excludes_something(operator: str) -> None:
    names = [case.name for case in cases_of(operator)]
    reasons = {excluded(operator, name) for name in names}
    assert set(EXCLUSIONS[operator].values()) <= reasons


def test_page_is_up_to_date() -> None:
    written = Path(__file__).parents[3] / "docs" / "operators.md"
    assert written.read_text() == page(), (
        "run `python -m ca_deploy.exporters.tflite.coverage > docs/operators.md`"
    )


def test_every_operator_says_what_it_becomes() -> None:
    assert [operator for operator, lowering in LOWERINGS.items() if not lowering.__doc__] == []
