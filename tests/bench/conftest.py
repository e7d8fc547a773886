"""A model for the tests of this folder."""

from __future__ import annotations

import numpy as np
import pytest

from ca_deploy.verify.tflite_graph import TFLiteGraph


@pytest.fixture
def model() -> bytes:
    """A model that doubles an image of 4x4 pixels."""
    graph = TFLiteGraph()
    image, doubled = (graph.tensor((1, 4, 4, 3), "float32") for _ in range(2))
    two = graph.tensor((1,), value=np.array([2.0]))
    graph.node("MUL", [image, two], [doubled], "Mul")
    return graph.to_bytes([image], [doubled])
