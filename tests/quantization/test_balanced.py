import numpy as np
from onnx import helper

from ca_deploy.metrics import sqnr_db
from ca_deploy.progress import Silent
from ca_deploy.quantization.balanced import quantize_balanced
from ca_deploy.quantization.calibration_set import ImageSet
from ca_deploy.runtimes.litert import LiteRT


class Notes(Silent):
    def __init__(self):
        self.messages = []

    def note(self, message):
        self.messages.append(message)


def image_set(images):
    """Images that are float32 already, as an archive gives them: no preprocessing is asked for."""
    return ImageSet(tuple(map(str, range(len(images)))), tuple(images), spec=None)


def test_the_int8_file_follows_the_float32_file(gated, images):
    notes = Notes()
    written = quantize_balanced(gated, image_set(images), 1, notes)
    assert sqnr_db(LiteRT(gated).run(images)[0], LiteRT(written.data).run(images)[0]) > 25
    assert written.warnings == ()
    assert notes.messages == []


def test_a_network_that_cannot_be_simulated_is_quantized_all_the_same_and_it_says_so(to_tflite, images):
    data = to_tflite([helper.make_node("Tanh", ["input"], ["logits"])], {})
    notes = Notes()
    written = quantize_balanced(data, image_set(images), 1, notes)
    assert LiteRT(written.data).outputs[0].dtype == np.int8
    assert written.warnings == ("biases are not corrected: TANH cannot be simulated",)
    assert notes.messages == list(written.warnings)


def test_a_network_with_two_outputs_is_corrected_too(to_tflite, images):
    random = np.random.default_rng(0)
    constants = {name: random.standard_normal((4, 3, 1, 1)).astype(np.float32) for name in ("w0", "w1")}
    nodes = [
        helper.make_node("Conv", ["input", "w0"], ["logits"]),
        helper.make_node("Conv", ["input", "w1"], ["features"]),
    ]
    data = to_tflite(nodes, constants, outputs=("logits", "features"))
    written = quantize_balanced(data, image_set(images), 1, Silent())
    assert written.warnings == ()
    float32, int8 = (LiteRT(file).run(images) for file in (data, written.data))
    assert [sqnr_db(*pair) > 32 for pair in zip(float32, int8, strict=True)] == [True, True]
