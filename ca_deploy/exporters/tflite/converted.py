"""What a conversion leaves: the file, and where each ONNX value lies in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Placed:
    """The TFLite tensor that holds an ONNX value.

    Attributes:
        tensor: the tensor's name in the file.
        order: axis i of the tensor is axis `order[i]` of the ONNX value, so that
            `tensor == value.transpose(order)`; (0, 2, 3, 1) for a feature map.
    """

    tensor: str
    order: tuple[int, ...]


@dataclass(frozen=True)
class Converted:
    """A float32 .tflite file.

    Attributes:
        data: the file.
        values: ONNX value name → its tensor, for the values that are a tensor of their own; those that the
            converter fused into a later operator (a convolution whose ReLU6 is fused) are missing.
    """

    data: bytes
    values: Mapping[str, Placed]

    def header(self) -> bytes:
        """Serialize everything but the file."""
        return json.dumps({name: asdict(placed) for name, placed in self.values.items()}).encode()

    @classmethod
    def parse(cls, header: bytes, data: bytes) -> Converted:
        """Read back what `header` serialized."""
        values = {
            name: Placed(entry["tensor"], tuple(entry["order"])) for name, entry in json.loads(header).items()
        }
        return cls(data, values)
