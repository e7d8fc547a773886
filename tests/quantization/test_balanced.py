import numpy as np
from onnx import helper

from ca_deploy.metrics import sqnr_db
from ca_deploy.progress import Silent
from ca_deploy.quantization.balanced import quantize_balanced
from ca_deploy.quantization.calibration import Calibration
from ca_deploy.runtimes.litert import LiteRT


class Notes(Silent):
    def __init__(self):
        self.messages = []

    def note(self, message):
        self.messages.append(message)


def test_the_int8_file_follows_the_float32_file(gated, image_set, images):
    notes = Notes()
    written = quantize_balanced(gated, Calibration(image_set(images)), 1, notes)
    assert sqnr_db(LiteRT(gated).run(images)[0], LiteRT(written.data).run(images)[0]) > 25
    assert written.warnings == ()
    assert notes.messages == []
    assert written.simulation_db > 30


def test_a_network_that_cannot_be_simulated_is_quantized_and_it_says_so(to_tflite, image_set, images):
    data = to_tflite([helper.make_node("Exp", ["input"], ["logits"])], {})
    notes = Notes()
    written = quantize_balanced(data, Calibration(image_set(images)), 1, notes)
    assert LiteRT(written.data).outputs[0].dtype == np.int8
    assert written.warnings == ("biases are not corrected: EXP cannot be simulated",)
    assert notes.messages == list(written.warnings)
    assert written.simulation_db is None


def test_a_network_with_two_outputs_is_corrected_too(to_tflite, image_set, images):
    random = np.random.default_rng(0)
    constants = {name: random.standard_normal((4, 3, 1, 1)).astype(np.float32) for name in ("w0", "w1")}
    nodes = [
        helper.make_node("Conv", ["input", "w0"], ["logits"]),
        helper.make_node("Conv", ["input", "w1"], ["features"]),
    ]
    data = to_tflite(nodes, constants, outputs=("logits", "features"))
    written = quantize_balanced(data, Calibration(image_set(images)), 1, Silent())
    assert written.warnings == ()
    float32, int8 = (LiteRT(file).run(images) for file in (data, written.data))
    assert [sqnr_db(*pair) > 32 for pair in zip(float32, int8, strict=True)] == [True, True]


def test_ranges_hold_the_limits_and_biases_ignore_them(gated, image_set, images):
    limits = 3 * images[:4]
    plain, wide = (
        LiteRT(quantize_balanced(gated, calibration, 1, Silent()).data)
        for calibration in (Calibration(image_set(images)), Calibration(image_set(images), limits))
    )
    assert wide.inputs[0].quantization.scales[0] > 2 * plain.inputs[0].quantization.scales[0]
    expected = LiteRT(gated).run(images)[0]
    assert sqnr_db(expected, wide.run(images)[0]) > 20
    clipped, held = (sqnr_db(LiteRT(gated).run(limits)[0], one.run(limits)[0]) for one in (plain, wide))
    assert held > clipped + 3
