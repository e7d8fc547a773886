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
    known, allowance = REFERENCE["precisions"][precision], REFERENCE["allowance"]
    found = parities[f"model_{precision}.tflite"]
    assert found.images == 135
    assert found.sqnr_db >= known["sqnr_db"] - allowance["sqnr_db"]
    assert found.agreement >= known["agreement"] - allowance["agreement"]
