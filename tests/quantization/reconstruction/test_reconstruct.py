from dataclasses import replace

import numpy as np
import pytest
from onnx import helper

from ca_deploy.metrics import sqnr_db
from ca_deploy.progress import Silent
from ca_deploy.quantization.calibration import Calibration
from ca_deploy.quantization.ranges import Range, measure_ranges
from ca_deploy.quantization.reconstruction import Candidate, Learning, reconstructed
from ca_deploy.quantization.simulation import Simulation, distance_db, outputs_of
from ca_deploy.quantization.static import quantize_static
from ca_deploy.quantization.tflite_model import TFLiteModel


class Until(Silent):
    """Interrupts before one of the blocks, or of the rounds, is begun."""

    def __init__(self, unit, number):
        self.unit, self.number = unit, number

    def track(self, items, total, unit):
        for number, item in enumerate(items):
            if (unit, number) == (self.unit, self.number):
                raise KeyboardInterrupt
            yield item


@pytest.fixture(scope="module")
def run(residual, start, calibration, kept, few, tmp_path_factory):
    def run(folder=None, minutes=5.0, seed=0, progress=None, settings=few, rounding=True):
        learning = Learning(minutes, seed, rounding, folder or tmp_path_factory.mktemp("checkpoints"))
        return reconstructed(
            residual, start, calibration, learning, progress or Silent(), keep_float=kept, settings=settings
        )

    return run


@pytest.fixture(scope="module")
def learned(run):
    return run()


def test_what_is_kept_is_better_on_images_that_were_not_learned_from(learned, residual, start, images):
    best, record = learned
    assert record.kept
    assert record.warnings() == ()
    assert record.after_db > record.before_db
    assert (record.blocks, record.blocks_learned, record.rounds_done) == (3, 3, 20)
    expected = outputs_of(residual, images)
    reached = [sqnr_db(expected, outputs_of(one.written, images)) for one in (start, best)]
    assert reached[1] > reached[0]


def test_the_simulation_of_what_was_learned_is_that_of_the_file(learned, kept, images):
    best, _ = learned
    assert distance_db(Simulation(best.data, keep_float=kept), best.ranges, best.written, images) > 35


def test_the_seed_decides(run, learned):
    assert run()[0].written == learned[0].written
    assert run(seed=1)[0].written != learned[0].written


def test_an_interrupted_run_goes_on_from_the_last_finished_block(run, learned, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, progress=Until("blocks", 2))
    (before,) = tmp_path.iterdir()
    resumed, record = run(tmp_path)
    assert resumed.written == learned[0].written
    assert record.blocks_learned == 3
    assert list(tmp_path.iterdir()) == [before]


def test_a_run_interrupted_behind_the_blocks_goes_on_from_the_last_rounds(run, few, tmp_path):
    settings = replace(few, part=8)
    whole, _ = run(settings=settings, rounding=False)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, progress=Until("rounds", 12), settings=settings, rounding=False)
    resumed, record = run(tmp_path, settings=settings, rounding=False)
    assert resumed.written == whole.written
    assert (record.blocks_learned, record.rounds_done) == (0, 20)


def test_other_settings_begin_anew(run, tmp_path, few):
    run(tmp_path, settings=replace(few, block_rounds=2, output_rounds=2))
    run(tmp_path, settings=replace(few, block_rounds=3, output_rounds=2))
    assert len(list(tmp_path.iterdir())) == 2


def test_without_time_nothing_changes(run, start, tmp_path):
    best, record = run(tmp_path, minutes=1e-9)
    assert best is start
    assert (record.kept, record.blocks_learned, record.rounds_done) == (False, 0, 0)
    assert record.after_db == record.before_db
    assert "stopped at its time limit, after 0 of 20 rounds" in record.warnings()[0]
    assert list(tmp_path.iterdir()) == []


def test_what_is_worse_on_the_images_held_back_is_not_kept(run, start, few):
    wild = replace(few, rounding_rate=9.0, bias_rate=9.0, scale_rate=1.0, zero_rate=50.0, output_rounds=3)
    best, record = run(settings=wild)
    assert record.after_db < record.before_db
    assert best is start
    assert record.warnings()[0].startswith("what was learned is left out")
    assert record.blocks_kept < record.blocks


def test_a_network_with_two_outputs_is_learned_in_one_block(to_tflite, image_set, images, few, tmp_path):
    random = np.random.default_rng(0)
    weights = {f"w{i}": random.standard_normal((n, 3, 1, 1)).astype(np.float32) for i, n in ((0, 4), (1, 6))}
    nodes = [
        helper.make_node("Conv", ["input", "w0"], ["logits"]),
        helper.make_node("Conv", ["input", "w1"], ["features"]),
    ]
    data = TFLiteModel(to_tflite(nodes, weights, outputs=("logits", "features"))).dump()
    ranges = {
        index: Range(4 * one.low, 4 * one.high) for index, one in measure_ranges(data, [images], 1).items()
    }
    start = Candidate(data, ranges, quantize_static(data, ranges))
    learning = Learning(5.0, 0, rounding=True, folder=tmp_path)
    _, record = reconstructed(data, start, Calibration(image_set(images)), learning, Silent(), settings=few)
    assert (record.blocks, record.blocks_learned, record.kept) == (1, 1, True)


def test_a_network_that_gives_its_features_too_is_learned(to_tflite, image_set, images, few, tmp_path):
    random = np.random.default_rng(0)
    weights = {f"w{i}": random.standard_normal((n, 3, 1, 1)).astype(np.float32) for i, n in ((0, 3), (1, 6))}
    nodes = [
        helper.make_node("Conv", ["input", "w0"], ["features"]),
        helper.make_node("Conv", ["features", "w1"], ["logits"]),
    ]
    data = TFLiteModel(to_tflite(nodes, weights, outputs=("features", "logits"))).dump()
    ranges = measure_ranges(data, [images], 1)
    start = Candidate(data, ranges, quantize_static(data, ranges))
    learning = Learning(5.0, 0, rounding=True, folder=tmp_path)
    _, record = reconstructed(data, start, Calibration(image_set(images)), learning, Silent(), settings=few)
    assert (record.blocks_learned, record.rounds_done) == (1, few.output_rounds)


def test_a_network_that_gives_nothing_learns_nothing(to_tflite, image_set, images, few, tmp_path):
    nodes = [helper.make_node("Conv", ["input", "w"], ["logits"])]
    data = TFLiteModel(to_tflite(nodes, {"w": np.zeros((4, 3, 1, 1), np.float32)})).dump()
    ranges = measure_ranges(data, [images], 1)
    start = Candidate(data, ranges, quantize_static(data, ranges))
    learning = Learning(5.0, 0, rounding=True, folder=tmp_path)
    best, record = reconstructed(
        data, start, Calibration(image_set(images)), learning, Silent(), settings=few
    )
    assert best is start
    assert not record.kept
