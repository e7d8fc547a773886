import pytest

from ca_deploy.errors import UserError
from ca_deploy.metrics import sqnr_db
from ca_deploy.progress import Silent
from ca_deploy.quantization.balanced import quantize_balanced
from ca_deploy.quantization.calibration import Calibration
from ca_deploy.quantization.keep_float import kept_places
from ca_deploy.quantization.ranges import Range, measure_ranges
from ca_deploy.quantization.sensitivity import sensitivities
from ca_deploy.quantization.tflite_model import TFLiteModel
from ca_deploy.runtimes.litert import LiteRT


@pytest.fixture(scope="module")
def ranges(gated, images):
    """Exact, but for the gated product, whose range is far too wide."""
    model, found = TFLiteModel(gated), measure_ranges(gated, [images], 1)
    product = next(int(op.outputs[0]) for op in model.operators if model.kind(op) == "MUL")
    return found | {product: Range(0.0, 20 * found[product].high)}


@pytest.fixture(scope="module")
def found(gated, ranges, images):
    return sensitivities(gated, ranges, images, Silent())


def test_what_is_rounded_most_coarsely_comes_first(found):
    assert found[0].kind == "MUL"
    assert found[0].alone_db == min(one.alone_db for one in found)
    assert sum(one.share for one in found) == pytest.approx(1)
    assert found[0].share > 0.5
    assert found[0].gain_db > 3


def test_operators_that_only_move_values_are_left_out(found):
    assert "RESHAPE" not in {one.kind for one in found}
    assert len(found) == len({one.place for one in found}) >= 7


def test_operators_are_kept_by_name_pattern_and_automatically(gated, ranges, found, image_set, images):
    def kept(*wanted):
        return kept_places(gated, wanted, ranges, image_set(images), Silent())

    assert kept() == set()
    assert kept(found[0].name) == {found[0].place}
    assert kept("*") == set(range(len(TFLiteModel(gated).operators)))
    assert kept("auto:1") == {found[0].place}
    assert len(kept("auto:2", found[-1].name)) == 3


@pytest.mark.parametrize(
    ("wanted", "reason"), [("lgits", "did you mean"), ("auto:0", "auto:8"), ("auto:many", "auto:8")]
)
def test_what_cannot_be_kept_is_refused(gated, ranges, image_set, images, wanted, reason):
    with pytest.raises(UserError, match=reason):
        kept_places(gated, [wanted], ranges, image_set(images), Silent())


def test_a_file_with_kept_operators_is_closer(gated, image_set, images):
    calibration = Calibration(image_set(images))
    expected = LiteRT(gated).run(images)[0]
    plain, kept = (
        sqnr_db(
            expected,
            LiteRT(quantize_balanced(gated, calibration, 1, Silent(), keep_float=names).data).run(images)[0],
        )
        for names in ((), ("auto:4",))
    )
    assert kept > plain + 0.3
