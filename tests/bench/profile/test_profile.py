"""The profile of a real file by LiteRT's own profiler: what is in it, never how long it took."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from bench_models import gated_block

from ca_deploy.bench.profile.run import Profile, make_profile, profile
from ca_deploy.bench.profile.times import run_times
from ca_deploy.errors import DeviceError, UserError
from ca_deploy.progress import Silent
from ca_deploy.report import profile_plot, profile_table
from ca_deploy.runtimes.litert import LiteRT


@pytest.fixture(scope="module", params=["float32", "int8"])
def found(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Profile:
    file = tmp_path_factory.mktemp("profile") / f"{request.param}.tflite"
    file.write_bytes(gated_block(request.param))
    return profile(file, 1, 10, Silent())


def test_every_operator_is_told_and_attention_among_them(found: Profile) -> None:
    kinds = [operator.name.partition(" ")[0] for operator in found.operators]

    assert kinds == ["Fully", "Convolution", "Mean", "Sigmoid", "Multiply"]
    assert [operator.block for operator in found.operators] == [None, None, 0, 0, 0]
    assert {operator.runs_on for operator in found.operators} == {"XNNPACK"}
    assert found.operators[2].shape == (1, 16, 1, 16)
    assert found.blocks is not None
    assert [(block.input_shape, block.operators) for block in found.blocks] == [((1, 16, 16, 16), 3)]


def test_the_parts_and_the_rest_are_the_whole(found: Profile) -> None:
    told = sum(operator.microseconds for operator in found.operators)

    assert found.runs == 10
    assert told + len(found.operators) * found.rest_per_operator == pytest.approx(
        max(told, found.whole_microseconds)
    )
    assert found.attention_microseconds is not None
    assert 0 < found.attention_microseconds < found.whole_microseconds


def test_it_can_be_read_by_machines_and_people(found: Profile, tmp_path: Path) -> None:
    document = json.loads(json.dumps(found.document(), allow_nan=False))
    profile_plot.save_plot(found, tmp_path / "plot.svg")
    picture = ElementTree.parse(tmp_path / "plot.svg").getroot()

    assert len(document["operators"]) == 5
    assert document["attention_microseconds"] == found.attention_microseconds
    titles = [element.text or "" for element in picture.iter("{http://www.w3.org/2000/svg}title")]
    assert [title.partition(" ")[0] for title in titles] == [
        "Fully",
        "Convolution",
        "Mean",
        "Sigmoid",
        "Multiply",
    ]
    *_, summary = profile_table.tables(found)
    assert "in 1 blocks" in str(summary)


def test_a_device_that_cannot_tell_is_refused(found: Profile) -> None:
    with pytest.raises(UserError, match="emulated:cortex-a76: cannot tell what operators cost; use local"):
        profile(found.file, 1, 1, Silent(), device="emulated:cortex-a76")


def test_runs_of_different_operators_are_not_put_together() -> None:
    with pytest.raises(DeviceError, match="different operators for different runs"):
        run_times([3, 3], [[("Add", None, 1)], [("Mean", None, 1)]])


def test_a_timeout_needs_a_device_that_keeps_it(found: Profile) -> None:
    with pytest.raises(UserError, match="--timeout: is for --device ssh and adb"):
        profile(found.file, 1, 1, Silent(), timeout=5)


def test_only_tflite_files_have_a_profile(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"only \.tflite files can be profiled"):
        profile(tmp_path / "model.onnx", 1, 1, Silent())


def test_an_operator_that_xnnpack_has_no_name_for_has_the_file_s(found: Profile) -> None:
    here = LiteRT(found.file, xnnpack=False)
    told = [(one.name, None, 1.0) for one in found.operators]
    named = [("Invalid Unary Op" if one[0].startswith("Sigmoid") else one[0], *one[1:]) for one in told]
    assert named != told
    operators = make_profile(found.file, here, "local", 1, run_times([9.0], [named])).operators
    assert [one.name.partition(" ")[0] for one in operators if "Sig" in one.name or "LOG" in one.name] == [
        "LOGISTIC"
    ]
