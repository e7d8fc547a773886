from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from ca_deploy.errors import UserError
from ca_deploy.formats import FORMATS, Format
from ca_deploy.plan import Options, resolve


def test_the_shipped_recipe_needs_nothing_else():
    plan = resolve(Options("ca_mobilenetv2_cifar10"))
    assert plan.weights.is_file()
    assert plan.out == Path("build/ca_mobilenetv2_cifar10")
    assert (plan.targets, plan.precisions) == (("android",), ("fp32", "fp16", "int8"))
    assert plan.images.is_dir()
    assert plan.warnings == ()


def test_options_override_the_recipe():
    options = Options(
        "ca_mobilenetv2_cifar10",
        input_size="96x128",
        precision=["int8"],
        targets=["x86"],
        threads=3,
        out=Path("o"),
    )
    plan = resolve(options)
    assert plan.recipe.input.size == (96, 128)
    assert (plan.precisions, plan.targets, plan.threads, plan.out) == (("int8",), ("x86",), 3, Path("o"))


def test_a_checkpoint_without_recipe_is_named_after_the_file_and_warned_about():
    plan = resolve(Options(weights=Path("some/mine.pth")))
    assert plan.recipe.name == "mine"
    assert plan.recipe.input.size == (224, 224)
    assert "ImageNet" in plan.warnings[0]


def test_a_network_without_recipe_is_named_after_its_factory():
    plan = resolve(Options(model="package.nets:build", input_size="64"))
    assert (plan.recipe.name, plan.factory, plan.weights) == ("build", "package.nets:build", None)
    assert "input 64 pixels" in plan.warnings[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (Options(), "nothing to export"),
        (Options("ca_mobilenetv2"), "ships no weights; give yours"),
        (Options("ca_mobilenet"), "did you mean"),
        (Options("ca_mobilenetv2_cifar10", input_size="0"), "--input-size 0: give pixels"),
        (Options("ca_mobilenetv2_cifar10", input_size="-3"), "--input-size -3: give pixels"),
        (Options("ca_mobilenetv2_cifar10", input_size="2x3x4"), "--input-size 2x3x4: give pixels"),
        (
            Options("ca_mobilenetv2_cifar10", precision=["int4"]),
            "--precision int4: unknown (did you mean 'int8'?); choose from fp32",
        ),
        (
            Options("ca_mobilenetv2_cifar10", formats=["coreml"], precision=["fp32"]),
            "--precision fp32: nothing is written at it; coreml has fp16, int8",
        ),
        (
            Options("ca_mobilenetv2_cifar10", formats=["onnx", "ort"], precision=["fp16"]),
            "--precision fp16: nothing is written at it; onnx has fp32; ort has fp32, int8",
        ),
        (
            Options("ca_mobilenetv2_cifar10", formats=["tflite", "onnx"], precision=["int8"]),
            "--formats onnx: nothing is written at int8; --precision fp32 is what onnx has",
        ),
        (
            Options("ca_mobilenetv2_cifar10", targets=["andriod"]),
            "--targets andriod: unknown (did you mean 'android'?)",
        ),
        (Options("ca_mobilenetv2_cifar10", targets=[]), "--targets: is empty"),
        (Options("ca_mobilenetv2_cifar10", tune_save=Path("r.toml")), "--tune-save has nothing to save"),
        (Options("ca_mobilenetv2_cifar10", tune_minutes=5), "--tune-minutes has nothing to end without"),
        (Options("ca_mobilenetv2_cifar10", tune="local", tune_minutes=0), "--tune-minutes 0: must be more"),
        (
            Options("ca_mobilenetv2_cifar10", tune="local", targets=["android", "x86"]),
            "--tune local: one device says nothing of several targets (android, x86)",
        ),
        (
            Options("ca_mobilenetv2_cifar10", keep_float=["auto:2", "conv"], targets=["android", "x86"]),
            "--keep-float conv: each target's graph has names of its own",
        ),
        (
            Options("ca_mobilenetv2_cifar10", keep_float=["auto:2"], precision=["int8", "int16x8"]),
            "--keep-float auto:N: costs are those of int8 activations",
        ),
        (Options(model="m:n", tune="local", tune_save=Path("r.toml")), "there is no recipe to save"),
        (Options("ca_mobilenetv2_cifar10", threads=0), "--threads 0: must be at least 1"),
        (Options("ca_mobilenetv2_cifar10", min_runtime="new"), "--min-runtime new: give a version"),
        (Options("ca_mobilenetv2_cifar10", batch=0), "--batch 0: must be from 1 to 1024"),
        (
            Options("ca_mobilenetv2_cifar10", batch=2, check_clients=True),
            "--batch 2: --check-clients hands over one image at a time",
        ),
        (Options("ca_mobilenetv2_cifar10", seed=-1), "--seed -1: must be from 0"),
        (
            Options("ca_mobilenetv2_cifar10", keep_float=["logits", "auto:x"]),
            "--keep-float auto:x: give auto:N",
        ),
        (
            Options("ca_mobilenetv2_cifar10", keep_float=["logits"], precision=["fp16"]),
            "--keep-float: no .tflite with int8",
        ),
        (
            Options("ca_mobilenetv2_cifar10", keep_float=["logits"], formats=["onnx"]),
            "--keep-float: no .tflite with int8",
        ),
        (Options("ca_mobilenetv2_cifar10", keep_float=[]), "--keep-float: is empty"),
        (Options("ca_mobilenetv2_cifar10", optimize="max"), "--optimize max: unknown; choose from fast"),
        (
            Options("ca_mobilenetv2_cifar10", optimize_minutes=5),
            "--optimize-minutes 5: --optimize balanced learns nothing",
        ),
        (
            Options("ca_mobilenetv2_cifar10", adaround=True),
            "--adaround: --optimize balanced learns nothing",
        ),
        (
            Options("ca_mobilenetv2_cifar10", optimize="best", optimize_minutes=0, adaround=True),
            "--adaround: --optimize-minutes 0 leaves no time",
        ),
        (
            Options("ca_mobilenetv2_cifar10", optimize="best", optimize_minutes=-1),
            "--optimize-minutes -1: must be 0 or more",
        ),
        (
            Options("ca_mobilenetv2_cifar10", optimize="best", optimize_minutes=float("nan")),
            "--optimize-minutes nan: must be 0 or more",
        ),
        (Options("ca_mobilenetv2_cifar10", ranges="kl"), "--ranges kl: unknown; choose from minmax, moving"),
        (Options("ca_mobilenetv2_cifar10", input_size="\u00b2"), "give pixels as SIZE"),
        (Options("ca_mobilenetv2_cifar10", model="a:b"), "states a [network] and --model is another"),
    ],
)
def test_options_that_cannot_be_used_are_one_clear_line(options, message):
    with pytest.raises(UserError) as caught:
        resolve(options)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("name", "package"), [("coreml", "coremltools"), ("executorch", "executorch")])
def test_a_missing_extra_is_said_before_any_work(monkeypatch, name, package):
    monkeypatch.setattr("ca_deploy.formats.find_spec", lambda wanted: None)
    with pytest.raises(UserError, match=rf"needs the package {package}; pip install 'ca-deploy\[{name}\]'"):
        resolve(Options(recipe="ca_mobilenetv2_cifar10", formats=[name]))


def test_every_format_has_something_at_the_default_precisions(monkeypatch):
    monkeypatch.setattr("ca_deploy.formats.find_spec", lambda package: package)
    assert set(FORMATS) == set(get_args(Format))
    for name in FORMATS:
        assert resolve(Options("ca_mobilenetv2_cifar10", formats=[name])).precisions_in(name)


def test_formats_that_nobody_named_need_not_have_every_precision():
    plan = resolve(Options("ca_mobilenetv2_cifar10", precision=["int8"]))
    assert {name: plan.precisions_in(name) for name in FORMATS} == {
        "onnx": (), "tflite": ("int8",), "ort": (), "coreml": (), "executorch": ()
    }  # fmt: skip


def test_ios_brings_core_ml_where_it_can_be_written(monkeypatch):
    options = Options("ca_mobilenetv2_cifar10", targets=["android", "ios"])
    monkeypatch.setattr("ca_deploy.formats.find_spec", lambda package: package)
    plan = resolve(options)
    assert (plan.formats, plan.warnings) == (("onnx", "tflite", "coreml"), ())

    monkeypatch.setattr("ca_deploy.formats.find_spec", lambda package: None)
    plan = resolve(options)
    assert plan.formats == ("onnx", "tflite")
    assert plan.warnings == (
        "target ios gets no coreml, which needs the package coremltools; pip install 'ca-deploy[coreml]' "
        "brings it",
    )


def test_formats_that_were_named_are_not_added_to(tmp_path):
    assert resolve(Options("ca_mobilenetv2_cifar10", targets=["ios"], formats=["tflite"])).formats == (
        "tflite",
    )
    recipe = tmp_path / "mine.toml"
    recipe.write_text('weights = "mine.pth"\ntargets = ["ios"]\nformats = ["onnx"]\n')
    assert resolve(Options(str(recipe))).formats == ("onnx",)


def test_labels_that_cannot_be_read_are_said_before_any_work(tmp_path):
    recipe = tmp_path / "mine.toml"
    recipe.write_text('weights = "w.pth"\nlabels = "nowhere.txt"\n')
    with pytest.raises(UserError) as caught:
        resolve(Options(str(recipe)))
    path = tmp_path / "nowhere.txt"
    assert str(caught.value) == (
        f"{path}: cannot read the labels of recipe mine (No such file or directory); correct its `labels`"
    )


@pytest.mark.parametrize(
    "given",
    [{"batch": 2}, {"min_runtime": "2.14"}, {"check_clients": True}, {"tune": "local"}],
)
def test_what_only_a_tflite_takes_is_refused_without_one(given):
    resolve(Options("ca_mobilenetv2_cifar10", precision=["fp32"], **given))
    with pytest.raises(UserError, match=r"no \.tflite is to be written; leave it out"):
        resolve(Options("ca_mobilenetv2_cifar10", formats=["onnx"], **given))


@pytest.mark.parametrize(
    "given",
    [
        {"ranges": "mse"},
        {"float_gates": True},
        {"optimize": "best", "optimize_minutes": 5},
        {"optimize": "best", "adaround": True},
    ],
)
@pytest.mark.parametrize("written", [{"precision": ["fp16", "int16x8"]}, {"formats": ["ort"]}])
def test_what_only_int8_activations_take_is_refused_without_them(given, written):
    resolve(Options("ca_mobilenetv2_cifar10", precision=["int8_per_tensor"], **given))
    with pytest.raises(UserError, match=r"no \.tflite with int8 activations is to be written"):
        resolve(Options("ca_mobilenetv2_cifar10", **written, **given))


def test_what_changes_nothing_is_taken_whatever_is_written():
    plain = {"batch": 1, "min_runtime": "none", "float_gates": False, "check_clients": False}
    assert resolve(Options("ca_mobilenetv2_cifar10", formats=["onnx"], **plain)).batch == 1


def test_nothing_can_be_kept_in_float_whatever_is_written():
    assert (
        resolve(Options("ca_mobilenetv2_cifar10", precision=["fp16"], keep_float=["none"])).keep_float == ()
    )


@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
def test_images_that_core_ml_cannot_take_are_said_before_any_work(tmp_path, monkeypatch, dtype):
    monkeypatch.setattr("ca_deploy.formats.find_spec", lambda package: package)
    shape = (2, 3, 64, 64) if dtype == np.float32 else (2, 64, 64, 3)
    archive = tmp_path / "images.npz"
    np.savez(archive, images=(40 * np.random.default_rng(0).random(shape)).astype(dtype))
    for options in ({"targets": ["ios"]}, {"formats": ["coreml"]}):
        asked = Options("ca_mobilenetv2_cifar10", images=archive, **options)
        if dtype == np.uint8:
            assert "coreml" in resolve(asked).formats
            continue
        with pytest.raises(UserError, match=r"images\.npz: its images were no whole pixels from 0 to 255"):
            resolve(asked)
