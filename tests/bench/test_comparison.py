"""Ratios with a baseline: which pairs there are, and what counts as a regression."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from bench_values import BOARD, counted, timed

from ca_deploy.bench.comparison import Beside, Comparison, Earlier, Uncompared
from ca_deploy.bench.devices import Measurement
from ca_deploy.bench.interleave import Effort, Samples
from ca_deploy.bench.past import PastResults
from ca_deploy.bench.results import results_document
from ca_deploy.bench.session import DeviceSession
from ca_deploy.bench.timing import Ratio
from ca_deploy.errors import UserError


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """new/a, new/b, old/a."""
    made = {name: tmp_path / f"{name}.tflite" for name in ("new/a", "new/b", "old/a")}
    for path in made.values():
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"content")
    return made


def session(*measurements) -> DeviceSession:
    return DeviceSession("board", BOARD, measurements)


def test_a_folder_is_paired_by_name(files: dict[str, Path]) -> None:
    new, other, old = files.values()
    baseline = Beside([new, other], [old], {old: "old/a"}, by_name=True)

    found = list(
        baseline.comparisons(session(*(timed("board", f, ms) for f, ms in ((new, 3), (other, 9), (old, 2)))))
    )

    assert baseline.files == (old,)
    assert [(one.file, one.against, one.threads, one.interleaved) for one in found[:1]] == [
        (new, "old/a", 1, True)
    ]
    assert found[0].ratio.value == pytest.approx(1.5)


def test_one_model_is_compared_with_all_others_and_not_with_itself(files: dict[str, Path]) -> None:
    new, other, _ = files.values()
    baseline = Beside([new, other], [other], {other: "b"}, by_name=False)

    found = list(baseline.comparisons(session(timed("board", new, 1), timed("board", other, 2))))

    assert [(one.file, one.ratio.value) for one in found] == [(new, pytest.approx(0.5))]


def test_a_baseline_that_pairs_with_nothing_is_refused(files: dict[str, Path]) -> None:
    new, other, _ = files.values()

    with pytest.raises(UserError, match="name one model to compare all with it"):
        Beside([new], [new], {}, by_name=False)
    with pytest.raises(UserError, match="none of"):
        Beside([new], [other], {}, by_name=True)


def test_measurements_are_compared_with_equally_many_threads(files: dict[str, Path]) -> None:
    new, _, old = files.values()
    measured = [
        timed("board", f, ms, n)
        for n, times in ((1, (3, 2)), (2, (2, 2)))
        for f, ms in zip((new, old), times, strict=True)
    ]

    found = list(Beside([new], [old], {old: "old"}, by_name=False).comparisons(session(*measured)))

    assert [(one.threads, one.quantity, one.ratio.value) for one in found] == [
        (1, "cpu", pytest.approx(1.5)),
        (2, "wall", pytest.approx(1)),
    ]


def test_each_delegate_is_compared_with_its_like_and_the_usual_one_with_the_usual_one(
    files: dict[str, Path], tmp_path: Path
) -> None:
    new, other, old = files.values()

    def on(file: Path, delegate: str, milliseconds: float) -> Measurement:
        return replace(timed("board", file, milliseconds), delegate=delegate)

    new_ones = [on(new, "XNNPACK", 4), on(new, "WebGPU", 1), on(other, "WebAssembly", 6)]
    measured = session(*new_ones, on(old, "XNNPACK", 2), on(old, "WebGPU", 2))
    beside = Beside([new, other], [old], {old: "old"}, by_name=False)
    (tmp_path / "past.json").write_text(
        json.dumps(results_document([measured], [], {f: f.name for f in files.values()}, Effort()))
    )
    earlier = Earlier(PastResults(tmp_path / "past.json"), {new: new.name})

    found = [(one.file, one.delegate, one.ratio.value) for one in beside.comparisons(measured)]
    again = [(one.file, one.delegate) for one in earlier.comparisons(session(on(new, "WebGPU", 1)))]

    assert found == [
        (new, "XNNPACK", pytest.approx(2)),
        (new, "WebGPU", pytest.approx(0.5)),
        (other, "WebAssembly", pytest.approx(3)),
    ]
    assert again == [(new, "WebGPU")]


def test_without_a_clock_of_processor_time_elapsed_time_is_compared(files: dict[str, Path]) -> None:
    new, _, old = files.values()
    measured = session(*(replace(timed("board", file, 1), cpu=None) for file in (new, old)))

    (one,) = Beside([new], [old], {old: "old"}, by_name=False).comparisons(measured)

    assert one.quantity == "wall"


def test_an_earlier_run_is_paired_by_device_name_and_threads(files: dict[str, Path], tmp_path: Path) -> None:
    new, other, _ = files.values()
    past = session(timed("board", new, 2, jitter=0.01), counted("board", other, 1000))
    document = results_document([past], [], {new: "a.tflite", other: "b.tflite"}, Effort())
    (tmp_path / "past.json").write_text(json.dumps(document))
    now = session(
        timed("board", new, 3, jitter=0.01), timed("board", new, 3, threads=2), counted("board", other, 1100)
    )

    names = {new: "a.tflite", other: "b.tflite"}
    times, untold, counts = Earlier(PastResults(tmp_path / "past.json"), names).comparisons(now)

    assert untold == Uncompared(
        "board", new, "XNNPACK", 2, "past.json has no measurement of its kind"
    )  # nothing passes by not having been compared
    assert (times.against, times.interleaved, times.quantity) == ("past.json", False, "cpu")
    assert times.ratio.low < times.ratio.value < times.ratio.high
    assert times.ratio.value == pytest.approx(1.5, abs=0.02)
    assert (counts.quantity, counts.ratio) == ("instructions", Ratio(1.1, 1.1, 1.1))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("no json", "not results of ca-deploy bench: the file"),
        ('{"schema_version": 1}', "not results of ca-deploy bench: artifacts"),
        ('{"schema_version": 2, "artifacts": [], "devices": []}', "has schema_version 2"),
    ],
)
def test_other_files_are_no_earlier_run(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "past.json").write_text(content)

    with pytest.raises(UserError, match=message):
        PastResults(tmp_path / "past.json")


@pytest.mark.parametrize(
    ("ratio", "regressed"),
    [
        (Ratio(1.10, 1.08, 1.12), True),
        (Ratio(1.04, 1.03, 1.05), False),  # within the limit
        (Ratio(1.10, 0.98, 1.30), False),  # could be noise
    ],
)
def test_a_regression_is_above_the_limit_and_above_noise(ratio: Ratio, regressed: bool) -> None:
    one = Comparison("board", Path("a"), "XNNPACK", "b", 1, "cpu", True, ratio)

    assert one.is_regression(1.05) is regressed


def test_a_device_that_is_not_what_it_was_is_told(files: dict[str, Path], tmp_path: Path) -> None:
    new, *_ = files.values()
    document = results_document([session(timed("board", new, 2))], [], {new: "a.tflite"}, Effort())
    (tmp_path / "past.json").write_text(json.dumps(document))
    past = PastResults(tmp_path / "past.json")
    updated = DeviceSession("board", replace(BOARD, versions={"LiteRT": "2.4.0"}))

    assert past.changes(session()) == []
    assert past.changes(updated) == ["board: versions was LiteRT 2.3.0 in past.json, it is LiteRT 2.4.0"]
    assert past.covers(["board"], {new: "a.tflite"})
    assert not past.covers(["local"], {new: "a.tflite"})
    new.write_bytes(b"other content")
    assert not past.covers(["board"], {new: "other.tflite"})


def test_models_of_one_name_are_found_again_by_folder_or_content(
    files: dict[str, Path], tmp_path: Path
) -> None:
    new, _, old = files.values()
    old.write_bytes(b"old content")
    past = session(timed("board", new, 2), timed("board", old, 4))
    document = results_document([past], [], {new: "new/a.tflite", old: "old/a.tflite"}, Effort())
    (tmp_path / "past.json").write_text(json.dumps(document))

    def ratio(milliseconds: float, file: Path, name: str) -> float | None:
        earlier = Earlier(PastResults(tmp_path / "past.json"), {file: name})
        (found,) = earlier.comparisons(session(timed("board", file, milliseconds)))
        return found.ratio.value if isinstance(found, Comparison) else None

    assert ratio(2, old, "old/a.tflite") == pytest.approx(0.5)
    assert ratio(2, old, "a.tflite") == pytest.approx(0.5)  # by its content
    old.write_bytes(b"another content")
    assert ratio(2, old, "a.tflite") is None  # could be either


def test_a_past_without_processor_time_is_compared_by_the_time_that_passed(
    files: dict[str, Path], tmp_path: Path
) -> None:
    new, *_ = files.values()
    now = timed("board", new, 2)
    past = replace(now, samples=Samples(now.samples.wall, ()))
    document = results_document([session(past)], [], {new: "a.tflite"}, Effort())
    (tmp_path / "past.json").write_text(json.dumps(document))

    (one,) = Earlier(PastResults(tmp_path / "past.json"), {new: "a.tflite"}).comparisons(session(now))

    assert (one.quantity, one.ratio.value) == ("wall", pytest.approx(1))


def test_times_of_zero_are_not_compared(files: dict[str, Path], tmp_path: Path) -> None:
    new, _, old = files.values()
    measured = session(timed("board", new, 1), timed("board", old, 0))
    (tmp_path / "past.json").write_text(
        json.dumps(results_document([measured], [], {new: "n.tflite", old: "o.tflite"}, Effort()))
    )
    earlier = Earlier(PastResults(tmp_path / "past.json"), {new: "o.tflite"})

    (beside,) = Beside([new], [old], {old: "old"}, by_name=False).comparisons(measured)
    (past,) = earlier.comparisons(session(timed("board", new, 1)))

    assert beside.reason == past.reason == "the device's clock is too coarse: runs took 0 ms"


def test_a_folder_without_a_model_of_the_name_says_so(files: dict[str, Path]) -> None:
    new, other, old = files.values()
    baseline = Beside([new, other], [old], {old: "old/a"}, by_name=True)

    compared, untold = baseline.comparisons(session(*(timed("board", f, 1) for f in files.values())))

    assert (compared.file, untold.file) == (new, other)
    assert untold.reason == "--against has no other measurement of its kind"
