"""No precision of the network that ships keeps less than `reference.toml` says."""

import tomllib
from pathlib import Path

import pytest

import ca_deploy

REFERENCE = tomllib.loads(Path(__file__).with_name("reference.toml").read_text())

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def parities(tmp_path_factory):
    out = tmp_path_factory.mktemp("reference") / "out"
    result = ca_deploy.export("ca_mobilenetv2_cifar10", precision=list(REFERENCE["precisions"]), out=out)
    return {one.artifact.name: one.verdict.parity for one in result.exported}


@pytest.mark.parametrize("precision", REFERENCE["precisions"])
def test_a_precision_keeps_what_it_kept(precision, parities):
    _check(parities[f"model_{precision}.tflite"], REFERENCE["precisions"][precision])


def test_best_keeps_what_it_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    result = ca_deploy.export(
        "ca_mobilenetv2_cifar10", precision=["int8"], optimize="best", out=tmp_path / "out"
    )
    _check(result.exported[0].verdict.parity, REFERENCE["best"]["int8"])


def _check(found, known):
    allowance = REFERENCE["allowance"]
    assert found.images == 135
    assert found.sqnr_db >= known["sqnr_db"] - allowance["sqnr_db"]
    assert found.agreement >= known["agreement"] - allowance["agreement"]
