"""ExecuTorch: runs `.pte` files with its Python runtime, XNNPACK included."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ca_deploy.errors import UserError
from ca_deploy.runtimes.batches import check_fits, run_in_batches
from ca_deploy.runtimes.chatter import quiet_stderr
from ca_deploy.runtimes.protocol import FloatBatch, TensorInfo
from ca_deploy.runtimes.sources import one_line, readable

try:
    from executorch.extension.pybindings import portable_lib

    _VERSION = version("executorch")
except (ImportError, PackageNotFoundError) as missing:
    raise UserError(
        "a .pte needs the package executorch to run: pip install 'ca-deploy[executorch]'"
    ) from missing


class ExecuTorch:
    """A `.pte` file with one image input.

    Args:
        path: the file.
        threads: of the whole process's pool, which XNNPACK uses.

    Raises:
        UserError: when the file cannot be loaded.
    """

    name = "ExecuTorch"
    version: str = _VERSION
    delegate = "XNNPACK"

    def __init__(self, path: Path, threads: int = 1) -> None:
        self.threads = threads
        readable(path)
        try:
            self._module = portable_lib._load_for_executorch(str(path))
            about = self._module.method_meta("forward")
        except RuntimeError as error:
            raise UserError(f"{path} cannot be loaded by ExecuTorch: {one_line(error)}") from error
        self._input = _info("images", about.input_tensor_meta(0), 0)
        self.inputs = (self._input,)
        self.outputs = tuple(
            _info(f"output {i}", about.output_tensor_meta(i), i) for i in range(about.num_outputs())
        )

    def run(self, batch: FloatBatch) -> tuple[FloatBatch, ...]:
        """Run float32 images (N,C,H,W); see `Runtime.run`."""
        check_fits(self._input, batch)
        self._use_threads()
        return run_in_batches(self._run, batch, self._input.shape[0])

    def bind(self, batch: FloatBatch) -> Callable[[], None]:
        """Make the tensor once and give a call that runs the method; see `Runtime.bind`."""
        check_fits(self._input, batch)
        self._use_threads()
        images = (torch.from_numpy(np.ascontiguousarray(batch)),)

        def run() -> None:
            self._module.forward(images)

        return run

    def _run(self, images: FloatBatch) -> tuple[FloatBatch, ...]:
        outputs = self._module.forward((torch.from_numpy(np.ascontiguousarray(images)),))
        return tuple(np.array(output.numpy(), np.float32) for output in outputs)

    def _use_threads(self) -> None:
        if portable_lib._threadpool_get_thread_count() != self.threads:
            with quiet_stderr():
                portable_lib._unsafe_reset_threadpool(self.threads)


def _info(name: str, meta: Any, index: int) -> TensorInfo:
    return TensorInfo(name, tuple(int(size) for size in meta.sizes()), np.dtype(np.float32), index=index)
