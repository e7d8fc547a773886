"""The old runtime in its own environment, and its rows of the table of XNNPACK's conditions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ca_deploy.errors import VerificationError
from ca_deploy.runtimes import open_runtime
from ca_deploy.verify.legacy_runtime import legacy_delegation, run_on_legacy_runtime
from ca_deploy.verify.node_facts import node_facts
from ca_deploy.verify.xnnpack import XNNPACK_CONDITIONS, Condition
from ca_deploy.verify.xnnpack.conditions import TFLITE_2_14
from ca_deploy.verify.xnnpack.probes import one_operator

pytestmark = pytest.mark.devices  # makes an environment of Python 3.11 with pip on first use

ROWS = [
    pytest.param(row, dtype, id=f"{row.operator}-{dtype}-{row.reason[:24]}")
    for row in XNNPACK_CONDITIONS
    for dtype in row.dtypes
    if TFLITE_2_14 in row.versions
]


def saved(folder: Path, content: bytes) -> Path:
    path = folder / "model.tflite"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(("row", "dtype"), ROWS)
def test_the_probe_is_refused_and_its_neighbour_taken(row: Condition, dtype: str, tmp_path: Path) -> None:
    refused = legacy_delegation(saved(tmp_path, row.probe(dtype)))
    (node,) = refused.outside

    assert (refused.runtime, refused.delegated, refused.partitions) == (TFLITE_2_14, 0, 0)
    assert (node.operator, node.reason) == (row.operator, row.reason)
    if row.neighbour:
        taken = legacy_delegation(saved(tmp_path, row.neighbour(dtype)))
        (facts,) = node_facts(row.neighbour(dtype))
        assert (taken.delegated, taken.partitions, taken.outside) == (1, 1, ())
        assert not row.applies(facts)


def test_outputs_are_those_of_today(tmp_path: Path) -> None:
    model = saved(tmp_path, one_operator("TANH")("float32"))
    images = np.random.default_rng(0).normal(size=(3, 16, 8, 8)).astype(np.float32)

    old = run_on_legacy_runtime(model, images)

    (expected,) = open_runtime(model).run(images)
    np.testing.assert_allclose(old.outputs[0], expected, atol=1e-5)
    assert (old.delegation.nodes, old.delegation.delegated) == (1, 1)


def test_a_file_with_a_form_that_is_too_new_says_so(tmp_path: Path) -> None:
    model = saved(tmp_path, one_operator("LOG")("int8"))

    with pytest.raises(
        VerificationError, match=r"model.tflite does not run on tflite-runtime 2\.14\.0: .*INT8"
    ):
        legacy_delegation(model)
