"""tflite-runtime 2.14.0, the last release under that name: what apps that never moved to LiteRT still run.

It needs Python 3.11 and numpy below 2, hence an environment of its own, made on demand in the user's cache.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ca_deploy.errors import VerificationError, last_line
from ca_deploy.runtimes.batches import to_layout_of
from ca_deploy.runtimes.litert import LiteRT, Node
from ca_deploy.runtimes.protocol import FloatBatch
from ca_deploy.verify import legacy_script
from ca_deploy.verify.delegates import Delegation, delegation
from ca_deploy.verify.environments import call, environment_python
from ca_deploy.verify.xnnpack.conditions import TFLITE_2_14

_REQUIREMENTS = ("tflite-runtime==2.14.0", "numpy==1.26.4")


@dataclass(frozen=True)
class LegacyRun:
    """What the old runtime made of a file.

    Attributes:
        outputs: float32 (N, ...), dequantized, as `Runtime.run` gives them.
        delegation: what its XNNPACK took, int8 switched on.
    """

    outputs: tuple[FloatBatch, ...]
    delegation: Delegation


def run_on_legacy_runtime(model: Path, images: FloatBatch) -> LegacyRun:
    """Run float32 images (N,C,H,W) on tflite-runtime 2.14.0, one after the other.

    Raises:
        UserError: when its environment cannot be made.
        VerificationError: when the file does not load or run there.
    """
    here = LiteRT(model)
    (given,) = here.inputs
    with tempfile.TemporaryDirectory() as scratch:
        inputs = Path(scratch) / "inputs.npy"
        np.save(inputs, given.to_stored(to_layout_of(given, images)))
        nodes = _execute(model, str(inputs), scratch)
        stored = [np.load(Path(scratch) / f"{i}.npy") for i in range(len(here.outputs))]
    return LegacyRun(
        outputs=tuple(info.to_real(values) for info, values in zip(here.outputs, stored, strict=True)),
        delegation=delegation(TFLITE_2_14, model.read_bytes(), nodes),
    )


def legacy_delegation(model: Path) -> Delegation:
    """Load a file on tflite-runtime 2.14.0 and read what its XNNPACK takes.

    Raises:
        UserError: when its environment cannot be made.
        VerificationError: when the file does not load there.
    """
    return delegation(TFLITE_2_14, model.read_bytes(), _execute(model))


def _execute(model: Path, *arguments: str) -> list[Node]:
    done = call(str(legacy_python()), legacy_script.__file__, str(model), *arguments)
    if done.returncode:
        raise VerificationError(f"{model} does not run on {TFLITE_2_14}: {last_line(done.stderr)}")
    return [
        Node(i, name, tuple(inputs), tuple(outputs))
        for i, (name, inputs, outputs) in enumerate(json.loads(done.stdout))
    ]


def legacy_python() -> Path:
    """The Python of the old runtime's environment, which is made first where it is missing.

    Raises:
        UserError: when there is no Python 3.11, or pip cannot fetch the packages.
    """
    return environment_python(TFLITE_2_14, _REQUIREMENTS, "3.11")
