"""LiteRT's profiler, through the C interface of libLiteRt.so: its Python interface has none.

Signatures and structures are those of LiteRT 2's litert/c/litert_*.h; the profiler's event is
litert_profiler_event.h, with sizes of a 64-bit system.
"""

from __future__ import annotations

import ctypes
from ctypes import byref, c_char_p, c_int, c_size_t, c_uint64, c_void_p
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ca_deploy.bench.profile.times import RunTimes, Told, run_times
from ca_deploy.errors import DeviceError
from ca_deploy.runtimes.chatter import quiet_stderr

_CPU = 1  # kLiteRtHwAcceleratorCpu
_WRITE = 1  # kLiteRtTensorBufferLockModeWrite
_TENSOR_TYPE_BYTES = 512  # more than a LiteRtRankedTensorType has
_DEFAULT, _OPERATOR, _DELEGATED_OPERATOR = 1, 1 << 1, 1 << 3  # tflite::Profiler::EventType
_RELEASE = ctypes.CFUNCTYPE(None, c_void_p)


class _Event(ctypes.Structure):
    """ProfiledEventData."""

    _fields_ = (
        ("tag", c_char_p),
        ("event_type", c_int),
        ("start_us", c_uint64),
        ("elapsed_us", c_uint64),
        ("memory", c_size_t * 6),
        ("metadata", c_uint64 * 2),
        ("source", c_int),
    )


class Profiler:
    """A `.tflite` file on LiteRT's CPU accelerator, with its profiler.

    Args:
        file: the artifact.
        threads: how many threads the kernels may use.
        stored: the input's bytes, as the file stores them.

    Raises:
        DeviceError: when LiteRT refuses.
    """

    def __init__(self, file: Path, threads: int, stored: bytes) -> None:
        self._library = ctypes.CDLL(str(_library()))
        self._options_texts: list[Any] = []  # LiteRT keeps pointers to them
        with quiet_stderr():
            self._load(file, threads)
        self._fill(stored)

    def run(self, times: int) -> None:
        """Run without looking, to warm up."""
        for _ in range(times):
            self._invoke()

    def profile(self, runs: int) -> RunTimes:
        """The times of every operator, in the order in which they run.

        Raises:
            DeviceError: when runs differ in their operators.
        """
        rows = [self._one_run() for _ in range(runs)]
        whole = [event.elapsed_us for row in rows for event in row if _is_whole_run(event)]
        return run_times(whole, [[_told(event) for event in row if _is_operator(event)] for row in rows])

    def _one_run(self) -> list[_Event]:
        self._call("ResetProfiler", self._profiler)
        self._call("StartProfiler", self._profiler)
        self._invoke()
        self._call("StopProfiler", self._profiler)
        count = c_int()
        self._call("GetNumProfilerEvents", self._profiler, byref(count))
        events = (_Event * count.value)()
        if count.value:
            self._call("GetProfilerEvents", self._profiler, count, events)
        return list(events)

    def _load(self, file: Path, threads: int) -> None:
        environment, model, options, signature = (c_void_p() for _ in range(4))
        self._compiled, self._profiler = c_void_p(), c_void_p()
        self._call("CreateEnvironment", 0, None, byref(environment))
        self._call("CreateModelFromFile", environment, str(file).encode(), byref(model))
        self._call("CreateOptions", byref(options))
        self._call("SetOptionsHardwareAccelerators", options, _CPU)
        self._add_options(options, b"xnnpack", f"num_threads = {threads}\n")
        self._add_options(options, b"runtime_options_string", "enable_profiling = true\n")
        self._call("CreateCompiledModel", environment, model, options, byref(self._compiled))
        self._call("CompiledModelGetProfiler", self._compiled, byref(self._profiler))
        self._call("GetModelSignature", model, c_size_t(0), byref(signature))
        outputs = c_size_t()
        self._call("GetNumSignatureOutputs", signature, byref(outputs))
        self._inputs = self._buffers(environment, signature, "Input", 1)
        self._outputs = self._buffers(environment, signature, "Output", outputs.value)

    def _add_options(self, options: c_void_p, name: bytes, text: str) -> None:
        """Options for one part of LiteRT, which takes them as text in TOML."""
        opaque, kept = c_void_p(), ctypes.create_string_buffer(text.encode())
        release = _RELEASE(lambda _: None)
        self._options_texts += [kept, release]
        self._call("CreateOpaqueOptions", name, kept, release, byref(opaque))
        self._call("AddOpaqueOptions", options, opaque)

    def _buffers(self, environment: c_void_p, signature: c_void_p, side: str, count: int) -> Any:
        """Memory for the inputs or outputs."""
        made = []
        for index in map(c_size_t, range(count)):
            tensor, needs, buffer = c_void_p(), c_void_p(), c_void_p()
            kind = ctypes.create_string_buffer(_TENSOR_TYPE_BYTES)
            self._call(f"GetSignature{side}TensorByIndex", signature, index, byref(tensor))
            self._call("GetRankedTensorType", tensor, kind)
            requirements = f"GetCompiledModel{side}BufferRequirements"
            self._call(requirements, self._compiled, c_size_t(0), index, byref(needs))
            self._call("CreateManagedTensorBufferFromRequirements", environment, kind, needs, byref(buffer))
            made.append(buffer)
        return (c_void_p * count)(*made)

    def _fill(self, stored: bytes) -> None:
        memory, buffer = c_void_p(), c_void_p(self._inputs[0])
        self._call("LockTensorBuffer", buffer, byref(memory), _WRITE)
        assert memory.value is not None
        ctypes.memmove(memory, stored, len(stored))
        self._call("UnlockTensorBuffer", buffer)

    def _invoke(self) -> None:
        counts = c_size_t(len(self._inputs)), c_size_t(len(self._outputs))
        self._call(
            "RunCompiledModel", self._compiled, c_size_t(0), counts[0], self._inputs, counts[1], self._outputs
        )

    def _call(self, function: str, *arguments: Any) -> None:
        status = getattr(self._library, f"LiteRt{function}")(*arguments)
        if status:
            raise DeviceError(f"LiteRt{function} gave status {status}")


def _library() -> Path:
    spec = find_spec("ai_edge_litert")
    assert spec is not None
    assert spec.origin is not None
    return next(Path(spec.origin).parent.glob("libLiteRt.*"))


def _is_whole_run(event: _Event) -> bool:
    return bool(event.event_type == _DEFAULT and event.tag == b"Invoke")


def _is_operator(event: _Event) -> bool:
    return event.event_type in (_OPERATOR, _DELEGATED_OPERATOR)


def _told(event: _Event) -> Told:
    node = int(event.metadata[0]) if event.event_type == _OPERATOR else None
    return event.tag.decode(), node, float(event.elapsed_us)
