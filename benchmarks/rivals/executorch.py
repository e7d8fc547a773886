"""ExecuTorch: XNNPACK, float32 and int8, on its own runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.rivals.rival import NETWORK, Model, Rival, Route
from benchmarks.subject import Images, Subject


def _float32(subject: Subject, file: Path) -> None:
    import torch

    _lower(subject.network(), torch.from_numpy(subject.sample()), file)


def _int8(subject: Subject, file: Path) -> None:
    """Static quantization by the XNNPACK quantizer, weights per channel."""
    import torch
    from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import (
        XNNPACKQuantizer,
        get_symmetric_quantization_config,
    )
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

    sample = torch.from_numpy(subject.sample())
    quantizer = XNNPACKQuantizer().set_global(get_symmetric_quantization_config(is_per_channel=True))
    observed = prepare_pt2e(torch.export.export(subject.network(), (sample,)).module(), quantizer)
    with torch.no_grad():
        for image in torch.from_numpy(subject.calibration()):
            observed(image[None])
    _lower(convert_pt2e(observed), sample, file)


def _lower(network: Any, sample: Any, file: Path) -> None:
    import torch
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import to_edge_transform_and_lower

    exported = torch.export.export(network, (sample,))
    edge = to_edge_transform_and_lower(exported, partitioner=[XnnpackPartitioner()])
    file.write_bytes(edge.to_executorch().buffer)


def _start(file: Path) -> Model:
    import torch
    from executorch.extension.pybindings import portable_lib

    portable_lib._unsafe_reset_threadpool(1)
    module = portable_lib._load_for_executorch(str(file))

    def run(images: Images) -> Images:
        (logits,) = module.forward((torch.from_numpy(images),))
        return np.asarray(logits)

    return run


RIVAL = Rival(
    module="executorch",
    requirements=(*NETWORK, "executorch==1.5.1", "ai-edge-litert==2.3.0"),
    routes=(
        Route("ExecuTorch XNNPACK", "fp32", "executorch.pte", _float32),
        Route("ExecuTorch XNNPACK", "int8", "executorch_int8.pte", _int8),
    ),
    start=_start,
)
