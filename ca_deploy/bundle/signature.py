"""What a .tflite takes and gives, as code that calls it must know."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ca_deploy.errors import UserError
from ca_deploy.runtimes.protocol import TensorInfo


@dataclass(frozen=True)
class Signature:
    """The tensors of a classifier: one image (1, H, W, 3) in, one row of numbers (1, classes) out."""

    image: TensorInfo
    row: TensorInfo

    @property
    def classes(self) -> int:
        """How many numbers come out."""
        return int(self.row.shape[1] or 0)


def signature_of(path: Path) -> Signature:
    """Read a .tflite's signature.

    Raises:
        UserError: when it is no image classifier.
    """
    from ca_deploy.runtimes.litert import LiteRT

    runtime = LiteRT(path)
    inputs, outputs = runtime.inputs, runtime.outputs
    if len(inputs) != 1 or len(outputs) != 1 or len(outputs[0].shape) != 2:
        shapes = ", ".join(str(one.shape) for one in outputs)
        raise UserError(
            f"{path}: gives {shapes}; a bundle's code is for image classifiers, which give one row of scores"
        )
    if inputs[0].shape[0] != 1:
        raise UserError(
            f"{path}: takes {inputs[0].shape[0]} images at once; a bundle's code hands over one, so export "
            "without --batch"
        )
    return Signature(inputs[0], outputs[0])
