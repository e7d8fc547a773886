"""litert-torch (Google): float32, then int8 by ai-edge-quantizer or by PyTorch's export quantization."""

from __future__ import annotations

from pathlib import Path

from benchmarks.rivals.rival import NETWORK, Rival, Route
from benchmarks.subject import Subject


def _float32(subject: Subject, file: Path) -> None:
    import litert_torch
    import torch

    litert_torch.convert(subject.network(), (torch.from_numpy(subject.sample()),)).export(str(file))


def _ai_edge_quantizer(subject: Subject, file: Path) -> None:
    """The static recipe with 8-bit weights and activations, as its own guide has it."""
    from ai_edge_litert.interpreter import Interpreter
    from ai_edge_quantizer import quantizer, recipe

    float_file = file.with_suffix(".float.tflite")
    _float32(subject, float_file)
    (signature,) = Interpreter(str(float_file)).get_signature_list().items()
    key, names = signature
    images = [{names["inputs"][0]: batch} for batch in subject.calibration_batches()]
    quantizing = quantizer.Quantizer(str(float_file), recipe.static_wi8_ai8())
    quantizing.quantize(quantizing.calibrate({key: images})).export_model(str(file))


def _pt2e(subject: Subject, file: Path) -> None:
    """PyTorch 2 Export quantization with litert-torch's quantizer, 8-bit weights per channel."""
    import litert_torch
    import torch
    from litert_torch.quantize.pt2e_quantizer import PT2EQuantizer, get_symmetric_quantization_config
    from litert_torch.quantize.quant_config import QuantConfig
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

    sample = (torch.from_numpy(subject.sample()),)
    quantizer = PT2EQuantizer().set_global(get_symmetric_quantization_config(is_per_channel=True))
    observed = prepare_pt2e(torch.export.export(subject.network(), sample).module(), quantizer)
    with torch.no_grad():
        for batch in subject.calibration_batches():
            observed(torch.from_numpy(batch))
    quantized = convert_pt2e(observed, fold_quantize=False)
    litert_torch.convert(quantized, sample, quant_config=QuantConfig(pt2e_quantizer=quantizer)).export(
        str(file)
    )


RIVAL = Rival(
    module="litert_torch",
    requirements=(*NETWORK, "litert-torch==0.10.0", "ai-edge-quantizer==0.10.0"),
    routes=(
        Route("litert-torch", "fp32", "litert_torch.tflite", _float32),
        Route("litert-torch + ai-edge-quantizer", "int8", "litert_torch_aeq.tflite", _ai_edge_quantizer),
        Route("litert-torch PT2E", "int8", "litert_torch_pt2e.tflite", _pt2e),
    ),
)
