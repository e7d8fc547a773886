"""The kinds of artifacts: each is one file, and one line in `KINDS`."""

from __future__ import annotations

from collections.abc import Callable

from ca_deploy.stages.kinds import coreml, executorch, onnx, onnx_mobile, tflite
from ca_deploy.stages.work import Work, Written

KINDS: tuple[Callable[[Work], Written], ...] = (
    onnx.write,
    tflite.write,
    onnx_mobile.write,
    coreml.write,
    executorch.write,
)
"""In the order in which the artifacts are listed. A kind looks at the plan and writes nothing when it is not
asked for."""


def artifacts(work: Work) -> Written:
    """Write the plan's artifacts of every kind into the work's folder.

    Raises:
        UserError: when the network holds something that a format cannot express.
        VerificationError: when a pass changed the mathematics.
    """
    written = Written()
    for write in KINDS:
        written += write(work)
    return written
