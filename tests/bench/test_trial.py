"""What crashes or fails is found in another process."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ca_deploy.bench.trial import failing
from ca_deploy.verify.tflite_graph import TFLiteGraph


def crashing() -> bytes:
    """SPLIT without its options, which LiteRT reads unchecked."""
    graph = TFLiteGraph()
    image, half, other = (graph.tensor((1, 4, 4, width), "float32") for width in (4, 2, 2))
    graph.node("SPLIT", [graph.tensor((), "int32", value=np.array(3)), image], [half, other])
    return graph.to_bytes([image], [half])


def refusing() -> bytes:
    """GATHER from beyond the end, which LiteRT finds when it runs."""
    graph = TFLiteGraph()
    image, gathered = graph.tensor((1, 4, 4, 3), "float32"), graph.tensor((1, 4, 4, 1), "float32")
    graph.node(
        "GATHER",
        [image, graph.tensor((1,), "int32", value=np.array([1 << 30]))],
        [gathered],
        "Gather",
        axis=3,
    )
    return graph.to_bytes([image], [gathered])


def test_each_is_said_with_its_reason_and_the_others_are_tried(model: bytes, tmp_path: Path) -> None:
    contents = {
        "a": model,
        "b": crashing(),
        "c": refusing(),
        "d": b"not a model",
        "e": crashing(),
        "f": model,
    }
    files = [tmp_path / f"{name}.tflite" for name in contents]
    for file, content in zip(files, contents.values(), strict=True):
        file.write_bytes(content)

    found = failing(files)

    assert {file.stem: reason.split(":")[0] for file, reason in found.items()} == {
        "b": "crashes its runtime on this machine (SIGSEGV)",
        "c": "fails on this machine",
        "e": "crashes its runtime on this machine (SIGSEGV)",
    }
    assert "gather index out of bounds" in found[files[2]]
