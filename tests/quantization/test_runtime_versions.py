import pytest

from ca_deploy.quantization.ranges import measure_ranges
from ca_deploy.quantization.rules import RULES
from ca_deploy.quantization.runtime_versions import (
    _SINCE,
    NEWER_THAN_THE_TABLE,
    entry,
    oldest_runtime,
    parsed,
    requirements,
    too_new,
)
from ca_deploy.quantization.static import quantize_static
from ca_deploy.quantization.tflite_model import TFLiteModel


def test_the_newest_operator_decides(gated):
    newest = requirements(gated)[0]
    assert (newest.operator, newest.version) == ("HARD_SWISH", 1)
    assert oldest_runtime(gated) == (1, 15, 0)


def test_it_is_what_tensorflow_s_own_converter_states(gated):
    """The converter writes the entry from the very table that ours was read from."""
    model = TFLiteModel(gated)
    assert model.metadata("min_runtime_version") == entry(oldest_runtime(gated))


def test_int8_asks_for_what_its_operators_need(gated, images):
    written = quantize_static(gated, measure_ranges(gated, [images], threads=1))
    assert oldest_runtime(written) == (1, 15, 0)
    assert [one.operator for one in too_new(written, (1, 14, 0))] == ["HARD_SWISH"]


def test_what_the_table_does_not_hold_counts_as_newer_than_it(gated):
    model = TFLiteModel(gated)
    model.require_version(model.operators[0], 99)
    assert oldest_runtime(model.dump()) == NEWER_THAN_THE_TABLE
    assert "newer than every TFLite" in str(requirements(model.dump())[0])


def test_every_operator_that_is_quantized_has_its_row_up_to_that_version():
    for kind, rule in RULES.items():
        assert len(_SINCE[kind].split()) >= rule.version, kind


def test_versions_of_an_operator_come_one_after_the_other():
    for kind, row in _SINCE.items():
        versions = [parsed(text) for text in row.split()]
        assert versions == sorted(versions), kind


@pytest.mark.parametrize("text", ["", "2.x", "two", "1.2.3.4", "-1"])
def test_what_is_no_version_is_refused(text):
    with pytest.raises(ValueError, match=r"int\(\)|1.2.3.4|-1"):
        parsed(text)
