"""The worker behind `Converter`: serialized ONNX models in on standard input, .tflite files out."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from typing import IO

import onnx

from ca_deploy.errors import CaDeployError, UserError
from ca_deploy.exporters.tflite.convert import convert
from ca_deploy.exporters.tflite.frames import read_frame, write_frame


def main() -> None:
    """Serve until standard input closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches both processes; the parent ends this one
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what libraries print must not mix with the answers
    while True:
        try:
            request = read_frame(sys.stdin.buffer)
        except EOFError:
            return
        _answer(answers, request)


def _answer(answers: IO[bytes], request: bytes) -> None:
    try:
        converted = convert(onnx.load_model_from_string(request))
        frames = (b"ok", converted.header(), converted.data)
    except UserError as error:
        frames = (b"user error", str(error).encode(), b"")
    except CaDeployError as error:
        traceback.print_exc()
        frames = (b"error", str(error).encode(), b"")
    for frame in frames:
        write_frame(answers, frame)


if __name__ == "__main__":
    main()
