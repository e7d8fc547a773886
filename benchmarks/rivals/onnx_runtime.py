"""ONNX Runtime: PyTorch's ONNX file as it is, and quantized by its own static quantization (QDQ)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.rivals.rival import NETWORK, Rival, Route
from benchmarks.rivals.stock_onnx import INPUT, write_onnx
from benchmarks.subject import Images, Subject


def _int8(subject: Subject, file: Path) -> None:
    """Unsigned activations and signed weights per channel, the pair that its guide advises for x86-64."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):  # type: ignore[misc]  # its base has no types
        def __init__(self, images: Images) -> None:
            self._images: Iterator[Images] = iter(images)

        def get_next(self) -> dict[str, Images] | None:
            image = next(self._images, None)
            return None if image is None else {INPUT: image[None]}

    stock, prepared = file.with_suffix(".stock.onnx"), file.with_suffix(".prepared.onnx")
    write_onnx(subject, stock)
    quant_pre_process(str(stock), str(prepared))
    quantize_static(
        str(prepared),
        str(file),
        Reader(subject.calibration()),
        quant_format=QuantFormat.QDQ,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        per_channel=True,
    )


RIVAL = Rival(
    module="onnx_runtime",
    requirements=(*NETWORK, "onnx==1.23.2", "onnxscript==0.7.2", "onnxruntime==1.31.1"),
    routes=(
        Route("ONNX Runtime", "fp32", "onnx_runtime.onnx", write_onnx),
        Route("ONNX Runtime QDQ", "int8", "onnx_runtime_qdq.onnx", _int8),
    ),
)
