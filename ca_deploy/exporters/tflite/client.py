"""The converter in a process of its own, so that TensorFlow loads while PyTorch works."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from types import TracebackType

from ca_deploy.errors import CaDeployError, UserError
from ca_deploy.exporters.tflite.converted import Converted
from ca_deploy.exporters.tflite.frames import read_frame, write_frame

MODULE = "ca_deploy.exporters.tflite"

QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
"""TensorFlow logs errors only, and does not look for graphics cards."""


class Converter:
    """A worker process that starts to load TensorFlow at once and converts until the block is left.

    Example:
        with Converter() as converter:
            model = export_to_onnx()  # meanwhile TensorFlow loads
            converted = converter.convert(model.SerializeToString())
    """

    def __enter__(self) -> Converter:
        self._log = tempfile.TemporaryFile()
        self._worker = subprocess.Popen(
            # -P: a file of the user's that is called like a library must not be imported instead of it.
            [sys.executable, "-P", "-m", MODULE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=os.environ | QUIET | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._worker.kill()
        self._worker.communicate()
        self._log.close()

    @property
    def pid(self) -> int:
        """Process id of the worker."""
        return self._worker.pid

    def convert(self, model: bytes) -> Converted:
        """Convert a serialized ONNX model to a float32 .tflite file.

        Raises:
            UserError: the model holds something that TFLite cannot express exactly.
            CaDeployError: the conversion failed, or the worker died.
        """
        assert self._worker.stdin is not None
        assert self._worker.stdout is not None
        try:
            write_frame(self._worker.stdin, model)
            status, header, data = (read_frame(self._worker.stdout) for _ in range(3))
        except (BrokenPipeError, EOFError):
            raise CaDeployError(self._obituary()) from None
        if status == b"ok":
            return Converted.parse(header, data)
        raise (UserError if status == b"user error" else CaDeployError)(header.decode())

    def _obituary(self) -> str:
        """Say how the worker ended, with the last line of its log."""
        status = self._worker.wait()
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        last = f": {lines[-1]}" if lines else ""
        return f"the TFLite converter's process ended with status {status}{last}"
