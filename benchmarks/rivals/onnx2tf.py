"""onnx2tf: PyTorch's ONNX file to a TensorFlow graph; int8 by TensorFlow's converter (`-oiqt`)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.rivals.rival import NETWORK, Rival, Route
from benchmarks.rivals.stock_onnx import INPUT, write_onnx
from benchmarks.subject import Subject


def _float32(subject: Subject, file: Path) -> None:
    import onnx2tf

    folder = file.parent
    write_onnx(subject, folder / "stock.onnx")
    onnx2tf.convert(
        input_onnx_file_path=str(folder / "stock.onnx"),
        output_folder_path=str(folder / "tf"),
        non_verbose=True,
    )
    (folder / "tf" / "stock_float32.tflite").rename(file)


def _int8(subject: Subject, file: Path) -> None:
    """Calibrates on images from 0 to 1 that onnx2tf normalizes; ours are normalized, so mean 0 and std 1."""
    import onnx2tf

    folder = file.parent
    write_onnx(subject, folder / "stock.onnx")
    np.save(folder / "calibration", subject.calibration().transpose(0, 2, 3, 1))
    onnx2tf.convert(
        input_onnx_file_path=str(folder / "stock.onnx"),
        output_folder_path=str(folder / "tf"),
        output_integer_quantized_tflite=True,
        quant_type="per-channel",
        custom_input_op_name_np_data_path=[
            [INPUT, str(folder / "calibration.npy"), [[[[0.0, 0.0, 0.0]]]], [[[[1.0, 1.0, 1.0]]]]]
        ],
        non_verbose=True,
    )
    (folder / "tf" / "stock_full_integer_quant.tflite").rename(file)


RIVAL = Rival(
    module="onnx2tf",
    requirements=(*NETWORK, "onnx2tf==1.29.24", "onnxscript==0.7.2"),
    routes=(
        Route("onnx2tf", "fp32", "onnx2tf.tflite", _float32),
        Route("onnx2tf -oiqt", "int8", "onnx2tf_oiqt.tflite", _int8),
    ),
)
