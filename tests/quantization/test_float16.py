import numpy as np

from ca_deploy.metrics import sqnr_db
from ca_deploy.quantization.float16 import convert_float16
from ca_deploy.quantization.tflite_model import TFLiteModel
from ca_deploy.runtimes.litert import LiteRT


def test_every_float_constant_is_stored_as_float16(gated):
    written = TFLiteModel(convert_float16(gated))
    stored = {written.dtype(i) for i in range(len(written.tensors)) if written.constant(i) is not None}
    assert np.dtype(np.float16) in stored
    assert np.dtype(np.float32) not in stored


def test_float16_weights_cost_little(gated, images):
    float32, float16 = LiteRT(gated).run(images)[0], LiteRT(convert_float16(gated)).run(images)[0]
    assert 55 < sqnr_db(float32, float16) < 120


def test_the_file_allows_float16_arithmetic(gated):
    assert b"reduced_precision_support" in convert_float16(gated)
    assert b"fp16accfp16" in convert_float16(gated)


def test_the_file_is_smaller(gated):
    assert len(convert_float16(gated)) < len(gated)
