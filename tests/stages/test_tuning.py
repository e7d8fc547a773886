"""Tuning chooses for each block, says what it measured, and what it saved repeats the export."""

import json

import numpy as np
import pytest

import ca_deploy
from ca_deploy.artifact import sha256_file
from ca_deploy.bench.devices.local import LocalDevice
from ca_deploy.bench.interleave import Effort
from ca_deploy.errors import UserError
from ca_deploy.quantization.tflite_model import TFLiteModel
from ca_deploy.recipe import load_recipe

SOURCE = """
import torch
from torch import nn
from ca_deploy.networks.attention import CoordinateAttention, SqueezeExcite

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.ca = nn.Conv2d(3, 24, 3, 2, 1), CoordinateAttention(24)
        self.mid, self.se = nn.Conv2d(24, 24, 3, 1, 1, groups=24), SqueezeExcite(24)
        self.again, self.head = CoordinateAttention(24), nn.Linear(24, 4)

    def forward(self, x):
        x = self.ca(torch.relu(self.stem(x)))
        return self.head(self.again(self.se(self.mid(x).relu())).mean((2, 3)))

def build():
    torch.manual_seed(0)
    return Net().eval()
"""
RECIPE = """
# A small one.
[input]
size = [16, 24]

[calibration]
images = "noise"
count = 16
parity = 8

[tolerances]
int8 = { min_sqnr_db = 15.0 }
"""


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    (tmp_path / "tiny_net.py").write_text(SOURCE)
    (tmp_path / "mine.toml").write_text(RECIPE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "tiny_net", raising=False)
    return "mine.toml"


def export(recipe, out, **options):
    options = {"precision": ["int8"], "targets": ["x86"], **options}
    return ca_deploy.export(recipe, model="tiny_net:build", out=out, **options)


@pytest.mark.slow
def test_what_was_chosen_is_reported_saved_and_repeated(recipe):
    tuned = export(recipe, "tuned", tune="local", float_gates=True, tune_minutes=1, tune_save=recipe)
    report = json.loads((tuned.folder / "report.json").read_text())["tuning"]
    assert [kind["blocks"] for kind in report["blocks"]] == [["ca", "again"], ["se"]]
    assert all(trial["ms"] > 0 for kind in report["blocks"] for trial in kind["trials"])
    saved = load_recipe(recipe).formulations["x86"]["int8"]
    assert {path: own.model_dump() for path, own in saved.items()} == {
        path: kind["chosen"] for kind in report["blocks"] for path in kind["blocks"]
    }
    manifest = json.loads((tuned.folder / "manifest.json").read_text())
    assert manifest["tuned_on"] == "local"
    assert manifest["recipe"]["formulations"]["x86"]["int8"]["se"] == saved["se"].model_dump()
    assert "# A small one." in (tuned.folder.parent / recipe).read_text()
    again = export(recipe, "again")
    name = "model_int8.tflite"
    assert sha256_file(again.folder / name) == sha256_file(tuned.folder / name)


def float_products(model):
    return [
        op for op in model.operators if model.kind(op) == "MUL" and model.dtype(op.outputs[0]) == np.float32
    ]


def weight_scales(model):
    """How many scales the weights of each convolution have."""
    return {
        len(model.tensors[op.inputs[1]].quantization.scale)
        for op in model.operators
        if model.kind(op) == "CONV_2D"
    }


@pytest.mark.slow
def test_what_is_measured_is_what_is_asked_for(recipe, monkeypatch):
    files = []
    measure = LocalDevice.measure

    def recording(device, paths, threads, effort, progress):
        files.extend(TFLiteModel(path.read_bytes()) for path in paths if path.stem.isdigit())
        hasty = Effort(rounds=2, runs=2, seconds=0, warm_up_seconds=0, cold_start=False)
        return measure(device, paths, threads, hasty, progress)

    monkeypatch.setattr(LocalDevice, "measure", recording)
    tuned = export(recipe, "tuned", tune="local", optimize="best", precision=["int8_per_tensor"])
    assert {blocks.measured_as for blocks in tuned.tuning.blocks} == {"int8_per_tensor"}
    assert all(map(float_products, files))
    assert {tuple(weight_scales(model)) for model in files} == {(1,)}


@pytest.mark.slow
def test_without_time_the_target_s_own_formulations_stay(recipe):
    tuned = export(recipe, "tuned", tune="local", tune_minutes=1e-9)
    assert "ran out of time" in tuned.warnings[-1]
    assert all(kind["changed"] == {} for kind in tuned.tuning.document()["blocks"])


@pytest.mark.slow
def test_a_block_that_the_network_does_not_have_is_named(recipe, tmp_path):
    (tmp_path / recipe).write_text(f'{RECIPE}\n[formulations.x86.int8]\nsa = {{ pooling = "mean" }}\n')
    with pytest.raises(UserError, match=r"names sa, which is no attention block .* it has ca, se, again"):
        export(recipe, "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.devices
def test_an_emulated_core_gives_the_same_choice_every_time(recipe):
    options = {"tune": "emulated:cortex-a53", "tune_minutes": 5, "float_gates": True}
    one, other = (export(recipe, out, **options).tuning.document() for out in ("one", "other"))
    assert one == other
    assert all(trial["instructions"] > 0 for kind in one["blocks"] for trial in kind["trials"])


@pytest.mark.parametrize("name", ["lokal", "emulated:z80"])
def test_a_device_that_does_not_exist_is_refused_before_any_work(recipe, name):
    with pytest.raises(UserError, match=f"^--tune {name}"):
        export(recipe, "tuned", tune=name)
