"""Core ML itself, on a Mac."""

from __future__ import annotations

import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ca_deploy.errors import UserError
from ca_deploy.runtimes.batches import check_fits, run_in_batches
from ca_deploy.runtimes.compute_plan import planned_units
from ca_deploy.runtimes.coreml_tools import LOGITS, ct, quiet
from ca_deploy.runtimes.protocol import FloatBatch, TensorInfo
from ca_deploy.runtimes.sources import one_line


class CoreML:
    """An .mlpackage of ours on Core ML, for its logits.

    Args:
        path: the package, a folder.
        threads: not for Core ML, which decides itself.
        load: makes a model of a path; coremltools' own by default.

    Raises:
        UserError: when Core ML does not load it.
    """

    name = "Core ML"
    version: str = platform.mac_ver()[0] or "none"

    def __init__(self, path: Path, threads: int = 1, load: Callable[[str], Any] = ct.models.MLModel) -> None:
        self.threads = threads
        try:
            with quiet():
                self._model = load(str(path))
        except Exception as error:  # Core ML's own, as RuntimeError and others
            raise UserError(f"{path} cannot be loaded by Core ML: {one_line(error)}") from error
        self.delegate = planned_units(self._model.get_compiled_model_path())
        spec = self._model.get_spec().description
        (given,) = spec.input
        size = given.type.imageType
        self._input = TensorInfo(given.name, (1, 3, size.height, size.width), np.dtype(np.uint8))
        (classes,) = (o.type.multiArrayType.shape[-1] for o in spec.output if o.name == LOGITS)
        self.inputs = (self._input,)
        self.outputs = (TensorInfo(LOGITS, (1, int(classes)), np.dtype(np.float32)),)

    def run(self, batch: FloatBatch) -> tuple[FloatBatch, ...]:
        """Run pixels, 0 to 255, float32 (N,C,H,W); see `Runtime.run`."""
        check_fits(self._input, batch)
        return run_in_batches(self._run, batch, 1)

    def bind(self, batch: FloatBatch) -> Callable[[], None]:
        """Make the image once and give a call that predicts; see `Runtime.bind`."""
        check_fits(self._input, batch)
        given = self._given(batch)

        def run() -> None:
            self._model.predict(given)

        return run

    def _run(self, images: FloatBatch) -> tuple[FloatBatch, ...]:
        found = self._model.predict(self._given(images))[LOGITS]
        return (np.asarray(found, np.float32).reshape(1, -1),)

    def _given(self, images: FloatBatch) -> dict[str, Any]:
        pixels = np.rint(images[0]).astype(np.uint8).transpose(1, 2, 0)
        return {self._input.name: Image.fromarray(pixels)}
