"""TinyNeuralNetwork (Alibaba). It is on GitHub only: `tinynn` on PyPI is another project."""

from __future__ import annotations

from pathlib import Path

from benchmarks.rivals.rival import NETWORK, Rival, Route
from benchmarks.subject import Subject

_COMMIT = "6203a93e597a4f77dd2bf74190c5c01ca843d220"


def _float32(subject: Subject, file: Path) -> None:
    import torch
    from tinynn.converter import TFLiteConverter

    TFLiteConverter(subject.network(), torch.from_numpy(subject.sample()), tflite_path=str(file)).convert()


def _int8(subject: Subject, file: Path) -> None:
    """Post-training quantization, int8 with weights per channel (its `asymmetric`, not `per_tensor`)."""
    import torch
    from tinynn.converter import TFLiteConverter
    from tinynn.graph.quantization.quantizer import PostQuantizer
    from tinynn.graph.tracer import model_tracer

    sample = torch.from_numpy(subject.sample())
    with model_tracer():
        quantizer = PostQuantizer(
            subject.network(),
            sample,
            work_dir=str(file.parent),
            config={"asymmetric": True, "per_tensor": False},
        )
        observed = quantizer.quantize()
    with torch.no_grad():
        for image in torch.from_numpy(subject.calibration()):
            observed(image[None])
        quantized = quantizer.convert(observed.eval())
        torch.backends.quantized.engine = quantizer.backend
        TFLiteConverter(
            quantized,
            sample,
            tflite_path=str(file),
            quantize_target_type="int8",
            fuse_quant_dequant=True,
        ).convert()


RIVAL = Rival(
    module="tiny_neural_network",
    requirements=(
        *NETWORK,
        f"TinyNeuralNetwork @ git+https://github.com/alibaba/TinyNeuralNetwork.git@{_COMMIT}",
    ),
    routes=(
        Route("TinyNeuralNetwork", "fp32", "tiny_neural_network.tflite", _float32),
        Route("TinyNeuralNetwork PTQ", "int8", "tiny_neural_network_ptq.tflite", _int8),
    ),
)
