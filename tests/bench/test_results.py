"""The results of a run as JSON, against the schema that ships."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bench_values import BOARD, counted, timed
from jsonschema import Draft202012Validator, ValidationError

from ca_deploy.bench.comparison import Beside
from ca_deploy.bench.devices import ColdStart, Conditions, OutputParity
from ca_deploy.bench.interleave import Effort
from ca_deploy.bench.results import SCHEMA, check_folder, results_document, save
from ca_deploy.bench.session import DeviceSession
from ca_deploy.errors import UserError


@pytest.fixture
def validator() -> Draft202012Validator:
    schema = json.loads(SCHEMA.read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@pytest.fixture
def document(tmp_path: Path) -> dict:
    """Every kind of measurement, a device that failed, and a comparison."""
    new, old = tmp_path / "new.tflite", tmp_path / "old.tflite"
    for path in (new, old):
        path.write_bytes(b"content")
    full = replace(
        timed("board", new, 2.0),
        cold=ColdStart(10.0, 3.0, None),
        parity=OutputParity(False, 0.5, 40.0),
        before=Conditions(celsius=31.5),
        after=Conditions(
            celsius=35.0, throttled=True, governor="schedutil", battery_percent=80, charging=False
        ),
        warnings=("throttled",),
    )
    done = DeviceSession(
        "board", BOARD, (full, timed("board", old, 1.0), counted("board", new, 5)), {old: "why"}
    )
    names = {new: "new.tflite", old: "old.tflite"}
    compared = list(
        Beside([new], [old], names, by_name=False).comparisons(
            replace(done, measurements=done.measurements[:2])
        )
    )
    return results_document([done, DeviceSession("gone", error="gone is off")], compared, names, Effort())


def test_results_are_what_the_schema_says(document: dict, validator: Draft202012Validator) -> None:
    validator.validate(json.loads(json.dumps(document, allow_nan=False)))


def test_the_schema_refuses_what_results_never_hold(document: dict, validator: Draft202012Validator) -> None:
    document["devices"][0]["measurements"][0]["wall"]["median"] = "fast"

    with pytest.raises(ValidationError, match="'median': 'fast'"):
        validator.validate(document)


def test_parity_with_a_silent_output_is_a_number() -> None:
    silent, loud = np.zeros((1, 2), np.float32), np.ones((1, 2), np.float32)

    found = OutputParity.between(silent, loud)

    assert found.sqnr_db is not None
    assert -4000 < found.sqnr_db < -3000
    assert OutputParity.between(silent, silent).sqnr_db is None


def test_results_hold_every_run_and_no_folder(document: dict, tmp_path: Path) -> None:
    first = document["devices"][0]["measurements"][0]

    assert [len(one) for one in first["samples"]["wall"]] == [5] * 10
    assert document["comparisons"][0]["ratio"]["value"] == pytest.approx(2)
    assert str(tmp_path) not in json.dumps(document)


def test_runs_collect_in_a_folder(document: dict, tmp_path: Path) -> None:
    folder = tmp_path / "results"

    first, second = save(document, folder), save(document, folder)

    assert save(document, folder, first) == first  # the same run, a device later
    assert sorted(folder.iterdir()) == [first, second]
    assert json.loads(first.read_text()) == json.loads(json.dumps(document))


def test_a_folder_that_cannot_be_written_is_said(document: dict, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    check_folder(tmp_path / "new" / "results")
    with pytest.raises(UserError, match=r"--out .*file: cannot be written"):
        check_folder(tmp_path / "file")

    with pytest.raises(UserError, match=r"--out .*file: cannot be written"):
        save(document, tmp_path / "file")
