"""LiteRT on emulated ARM cores: same bits, same counts. Needs qemu-user and the cross compiler."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bench_models import SIZE, WITH_TIES, gated_block

from ca_deploy.bench import toolchain
from ca_deploy.bench.devices import compare, open_device
from ca_deploy.bench.devices.emulated import EmulatedArm
from ca_deploy.bench.devices.inputs import timing_images
from ca_deploy.bench.interleave import Effort
from ca_deploy.errors import DeviceError, UserError
from ca_deploy.progress import Silent
from ca_deploy.runtimes import open_runtime
from ca_deploy.runtimes.litert import LiteRT

pytestmark = pytest.mark.devices

CORES = ("cortex-a53", "cortex-a72", "cortex-a76")


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(1).uniform(-2, 2, (1, 3, SIZE, SIZE)).astype(np.float32)


def saved(folder: Path, dtype: str) -> Path:
    path = folder / f"{dtype}.tflite"
    path.write_bytes(gated_block(dtype))
    return path


@pytest.mark.parametrize("core", CORES)
def test_int8_is_bit_identical_to_this_machine(core: str, images: np.ndarray, tmp_path: Path) -> None:
    file = saved(tmp_path, "int8")

    emulated = EmulatedArm(core).run(file, images)

    (expected,) = open_runtime(file).run(images)
    assert emulated.output is not None
    assert len(np.unique(expected)) > 20
    np.testing.assert_array_equal(emulated.output, expected)


def test_products_half_way_between_two_integers_round_up_on_arm_and_to_even_here(
    images: np.ndarray, tmp_path: Path
) -> None:
    file = tmp_path / "ties.tflite"
    file.write_bytes(gated_block("int8", WITH_TIES))

    emulated = EmulatedArm("cortex-a76").run(file, images)

    (expected,) = open_runtime(file).run(images)
    steps = np.rint((emulated.output - expected) / WITH_TIES)
    lower = np.rint(expected / WITH_TIES)
    assert set(steps.flat) == {0, 1}
    assert (lower[steps == 1] % 2 == 0).all()


@pytest.mark.parametrize("core", CORES)
def test_float32_differs_by_rounding_only(core: str, images: np.ndarray, tmp_path: Path) -> None:
    file = saved(tmp_path, "float32")

    emulated = EmulatedArm(core).run(file, images)

    (expected,) = open_runtime(file).run(images)
    np.testing.assert_allclose(emulated.output, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_counts_are_exact(images: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = saved(tmp_path, "int8")
    elsewhere = tmp_path / "a folder with a rather long name"
    elsewhere.mkdir()

    first = EmulatedArm("cortex-a76").run(file, images)
    monkeypatch.setenv("TMPDIR", str(elsewhere))
    monkeypatch.setattr("tempfile.tempdir", None)  # read TMPDIR again
    monkeypatch.setenv("PADDING", "x" * 5000)
    second = EmulatedArm("cortex-a76").run(file.rename(elsewhere / "other.tflite"), images)

    assert first.reproduced
    assert first.instructions == second.instructions


@pytest.mark.parametrize(
    ("dtype", "core", "total"),
    [
        ("int8", "cortex-a53", 86706),
        ("int8", "cortex-a72", 102322),
        ("int8", "cortex-a76", 83890),
        ("float32", "cortex-a53", 112411),
        ("float32", "cortex-a72", 81703),
        ("float32", "cortex-a76", 82082),
    ],
)
def test_counts_are_those_of_litert_2_3_0(dtype: str, core: str, total: int, tmp_path: Path) -> None:
    file = saved(tmp_path, dtype)

    counted = EmulatedArm(core).run(file, timing_images(LiteRT(file)))

    assert counted.reproduced
    if LiteRT.version != "2.3.0":
        pytest.skip(f"pinned for LiteRT 2.3.0, not {LiteRT.version}")
    assert counted.instructions.total == total


def test_classes_tell_the_cores_apart(images: np.ndarray, tmp_path: Path) -> None:
    file = saved(tmp_path, "int8")
    with_dot_product = EmulatedArm("cortex-a76").run(file, images).instructions
    without = EmulatedArm("cortex-a53").run(file, images).instructions

    assert with_dot_product.classes["sdot"] > 0 == without.classes["sdot"]
    for counted in (with_dot_product, without):
        assert counted.classes["fmla_f32"] < counted.classes["vector"] < counted.total
        assert counted.classes["load_store"] < counted.total


def test_the_device_gives_counts_and_no_times(tmp_path: Path) -> None:
    files = [saved(tmp_path, "float32"), saved(tmp_path, "int8")]

    found = open_device("emulated:cortex-a76").measure(files, (1, 4), Effort(), Silent())

    assert [(m.file, m.threads, m.wall, m.cpu, m.warnings) for m in found] == [
        (file, 1, None, None, ()) for file in files
    ]
    document = json.loads(json.dumps(found[1].document()))
    assert document["instructions"]["total"] == found[1].instructions.total
    exact = compare(found[1], found[0])
    assert exact.low == exact.value == exact.high == pytest.approx(1, abs=0.2)


def test_counts_and_times_do_not_compare(tmp_path: Path) -> None:
    (counted,) = open_device("emulated:cortex-a76").measure(
        [saved(tmp_path, "int8")], (1,), Effort(), Silent()
    )

    with pytest.raises(ValueError, match="same quantity"):
        compare(counted, replace(counted, device="local", instructions=None))


def test_it_says_that_it_is_emulated() -> None:
    identity = open_device("emulated:cortex-a53").identity()

    assert identity.emulated
    assert identity.versions["LiteRT"] == LiteRT.version
    assert identity.versions["QEMU"][0] in "78"


def test_other_formats_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"runs \.tflite files only"):
        open_device("emulated:cortex-a76").measure([tmp_path / "model.onnx"], (1,), Effort(), Silent())


def test_a_crash_under_emulation_is_one_line(
    images: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong_library = tmp_path / "libLiteRt.so"
    wrong_library.write_bytes(b"no library")
    monkeypatch.setattr(toolchain, "litert_library", lambda version: wrong_library)

    with pytest.raises(
        DeviceError, match=r"int8\.tflite failed on emulated:cortex-a76: .*libLiteRt\.so"
    ) as caught:
        EmulatedArm("cortex-a76").run(saved(tmp_path, "int8"), images)
    assert "\n" not in str(caught.value)


def test_the_runner_gives_times_where_it_is_not_emulated(images: np.ndarray, tmp_path: Path) -> None:
    """The same source on this machine's own processor, as devices with a real ARM core will run it."""
    library = Path(str(__import__("ai_edge_litert").__file__)).parent / "libLiteRt.so"
    source = toolchain._NATIVE / "runner.c"
    subprocess.run(
        [
            "gcc",
            "-std=c11",
            "-Wall",
            "-Wextra",
            "-Wpedantic",
            "-Werror",
            source,
            "-o",
            tmp_path / "runner",
            "-ldl",
        ],
        check=True,
    )
    file = saved(tmp_path, "int8")
    runtime = LiteRT(file)
    stored = runtime.inputs[0].to_stored(images.transpose(0, 2, 3, 1))
    (tmp_path / "input").write_bytes(stored.tobytes())
    numbers = (
        "2",
        "3",
        "5",
        "0",
        "50",
        "0",
    )  # threads, rounds, runs, milliseconds of each and to warm up, core
    models = [(file, tmp_path / "input", tmp_path / name) for name in ("output", "again")]

    done = subprocess.run(
        [tmp_path / "runner", library, *numbers, *models[0], *models[1]],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"LC_ALL": "C"},
    )

    *loaded, _, _, a, b, c, d, e, f, end = map(json.loads, done.stdout.splitlines())
    assert [one["model"] for one in (*loaded, a, b, c, d, e, f)] == [0, 1] * 4  # in turn, three rounds
    assert min(*(one["load"] for one in loaded), end["peak_bytes"]) > 0
    for times in (a, b, c, d, e, f):
        assert len(times["wall"]) == len(times["cpu"]) == 5
        assert min(times["wall"]) > 0
    (expected,) = runtime.run(images)
    for _, _, path in models:
        output = np.frombuffer(path.read_bytes(), np.int8).reshape(expected.shape)
        np.testing.assert_array_equal(runtime.outputs[0].to_real(output), expected)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "has not the 768 bytes that the model takes"), (b"x" * 769, "has not the 768 bytes")],
)
def test_the_runner_refuses_another_input(content: bytes, message: str, tmp_path: Path) -> None:
    file = saved(tmp_path, "int8")
    (tmp_path / "input").write_bytes(content)
    root, library = toolchain.core_root("cortex-a53"), toolchain.litert_library(LiteRT.version)

    done = subprocess.run(
        [
            "qemu-aarch64",
            "-cpu",
            "cortex-a53",
            "-L",
            root,
            toolchain.program("runner"),
            library,
            *("1", "1", "1", "0", "0", "all"),
            file,
            tmp_path / "input",
            tmp_path / "output",
        ],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert message in done.stderr.splitlines()[-1]
