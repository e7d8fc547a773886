"""onnx2tf: PyTorch's ONNX file to a TensorFlow graph; int8 by TensorFlow's converter (`-oiqt`)."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from benchmarks.rivals.rival import NETWORK, Rival, Route
from benchmarks.rivals.stock_onnx import INPUT, write_onnx
from benchmarks.subject import Subject

# onnx2tf checks itself with these, and fetches them unless they lie in the current folder.
_ITS_IMAGES, _ITS_COUNT, _ITS_SIZE = "calibration_image_sample_data_20x128x128x3_float32.npy", 20, 128


def _float32(subject: Subject, file: Path) -> None:
    import onnx2tf

    folder = _prepared(subject, file.parent)
    onnx2tf.convert(
        input_onnx_file_path=str(folder / "stock.onnx"),
        output_folder_path=str(folder / "tf"),
        non_verbose=True,
    )
    (folder / "tf" / "stock_float32.tflite").rename(file)


def _int8(subject: Subject, file: Path) -> None:
    """Calibrates on images from 0 to 1 that onnx2tf normalizes; ours are normalized, so mean 0 and std 1."""
    import onnx2tf

    folder = _prepared(subject, file.parent)
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


def _prepared(subject: Subject, folder: Path) -> Path:
    """Put PyTorch's ONNX file and images into a folder, so that nothing has to be fetched, and work there."""
    write_onnx(subject, folder / "stock.onnx")
    images = np.resize(subject.calibration(), (_ITS_COUNT, *subject.sample().shape[1:]))
    rows, columns = (np.linspace(0, side - 1, _ITS_SIZE).astype(int) for side in images.shape[2:])
    np.save(folder / _ITS_IMAGES, images[:, :, rows][:, :, :, columns].transpose(0, 2, 3, 1))
    os.chdir(folder)
    return folder


RIVAL = Rival(
    module="onnx2tf",
    requirements=(*NETWORK, "onnx2tf==1.29.24", "onnxscript==0.7.2"),
    routes=(
        Route("onnx2tf", "fp32", "onnx2tf.tflite", _float32),
        Route("onnx2tf -oiqt", "int8", "onnx2tf_oiqt.tflite", _int8),
    ),
)
