"""ONNX as PyTorch's own exporter writes it, where a rival starts from that."""

from __future__ import annotations

from pathlib import Path

from benchmarks.subject import Subject

INPUT = "images"


def write_onnx(subject: Subject, file: Path) -> None:
    """Export with `torch.onnx.export` at its defaults, and nothing of ours."""
    import torch

    sample = (torch.from_numpy(subject.sample()),)
    torch.onnx.export(
        subject.network(), sample, str(file), input_names=[INPUT], dynamo=True, external_data=False
    )
