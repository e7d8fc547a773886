from pathlib import Path

import pytest

from ca_deploy.errors import UserError
from ca_deploy.plan import Options, rebuild
from ca_deploy.published import Published
from ca_deploy.recipe import Formulation, Recipe

FLOAT_GATES = {"android": {"int8": {"block": Formulation(gates="swapped", arithmetic="float")}}}


@pytest.fixture
def earlier():
    manifest = {
        "network": {"factory": "m:n"},
        "calibration": {"images": "noise"},
        "targets": ["android"],
        "formats": ["onnx", "tflite"],
        "optimize": "fast",
        "seed": 3,
        "min_runtime": "2.14",
        "float_gates": True,
        "keep_float": ["conv"],
        "batch": 2,
    }
    return Published(Path("build/mine"), manifest, Recipe(name="mine", formulations=FLOAT_GATES))


def test_an_earlier_export_s_choices_are_taken(earlier):
    same = rebuild(earlier, Options())
    assert (same.keep_float, same.float_gates, same.min_runtime) == (("conv",), True, "2.14")
    assert (same.seed, same.optimize, same.out) == (3, "fast", Path("build/mine"))
    assert same.batch == 2
    assert (same.formats, same.targets) == (("onnx", "tflite"), ("android",))


def test_how_long_best_may_learn_is_taken_and_needs_best_to_be_given(earlier):
    assert rebuild(earlier, Options()).optimize_minutes == 15
    earlier.manifest["optimize_minutes"] = 3.0
    assert rebuild(earlier, Options()).optimize_minutes == 3
    assert rebuild(earlier, Options(optimize="best", optimize_minutes=0)).optimize_minutes == 0
    with pytest.raises(UserError, match="--optimize-minutes 2: --optimize fast learns nothing"):
        rebuild(earlier, Options(optimize_minutes=2))


def test_an_earlier_export_s_choices_can_be_taken_back(earlier):
    back = rebuild(earlier, Options(keep_float=["none"], float_gates=False, seed=0, min_runtime="none"))
    assert (back.keep_float, back.float_gates, back.seed, back.min_runtime) == ((), False, 0, None)
    block = back.recipe.formulations_of("android", "int8")["block"]
    assert (block.gates, block.arithmetic) == ("swapped", "int8")


@pytest.mark.parametrize(("float_gates", "tuned_on"), [(False, None), (True, "local")])
def test_blocks_whose_gates_the_recipe_multiplies_in_float_stay_so(earlier, float_gates, tuned_on):
    earlier.manifest.update(float_gates=float_gates, tuned_on=tuned_on)
    same = rebuild(earlier, Options())
    assert same.recipe.formulations == FLOAT_GATES
    assert not same.float_gates  # of the other blocks


def test_formats_can_be_added(earlier, monkeypatch):
    monkeypatch.setattr("ca_deploy.formats.find_spec", lambda package: package)
    plan = rebuild(earlier, Options(formats=["ort", "coreml", "executorch"], precision=["int8"]))
    assert all(plan.precisions_in(name) == ("int8",) for name in ("ort", "coreml", "executorch"))
    assert plan.precisions_in("tflite") == ()


def test_a_new_target_brings_its_format(earlier, monkeypatch):
    monkeypatch.setattr("ca_deploy.formats.find_spec", lambda package: package)
    options = Options(targets=["ios"], keep_float=["none"])
    assert rebuild(earlier, options).formats == ("onnx", "tflite", "coreml")

    monkeypatch.setattr("ca_deploy.formats.find_spec", lambda package: None)
    plan = rebuild(earlier, options)
    assert plan.formats == ("onnx", "tflite")
    assert "target ios gets no coreml" in plan.warnings[0]
