"""The oldest TFLite runtime that knows every operator of a file.

The table is `FindMinimumRuntimeVersionForOp` of LiteRT (tflite/tools/versioning/runtime_version.cc), for the
operators that our writers can leave. Up to 2.20 LiteRT and TensorFlow Lite count versions alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ca_deploy.quantization.tflite_model import TFLiteModel

Version = tuple[int, ...]

ENTRY = "min_runtime_version"
_ENTRY_BYTES = 16  # what TensorFlow's writer reserves, and readers expect

_SINCE: dict[str, str] = {
    "ABS": "1.13.0 2.4.0 2.5.0 2.6.0 2.12.0",
    "ADD": "1.5.0 1.14.0 2.4.0 2.6.0 2.13.0",
    "ARG_MAX": "1.9.0 1.14.0 2.9.0",
    "ARG_MIN": "1.9.0 1.14.0 2.9.0",
    "AVERAGE_POOL_2D": "1.5.0 1.14.0 2.3.0",
    "BATCH_MATMUL": "2.3.0 2.3.0 2.4.0 2.5.0",
    "BROADCAST_TO": "2.5.0 2.5.0 2.5.0",
    "CAST": "1.5.0 2.7.0 2.8.0 2.9.0 2.12.0 2.15.0 2.17.0",
    "CEIL": "1.14.0",
    "CONCATENATION": "1.5.0 1.14.0 2.3.0 2.14.0",
    "CONV_2D": "1.5.0 1.14.0 1.14.0 2.3.0 2.4.0 2.9.0 2.11.0 2.15.0",
    "COS": "1.14.0",
    "CUMSUM": "2.4.0",
    "DEPTHWISE_CONV_2D": "1.5.0 1.12.0 1.14.0 2.2.0 2.3.0 2.3.0 2.11.0",
    "DEPTH_TO_SPACE": "2.1.0 2.5.0",
    "DEQUANTIZE": "1.13.1 1.14.0 1.15.0 2.2.0 2.7.0 2.18.0",
    "DIV": "1.6.0 2.3.0",
    "ELU": "1.14.0",
    "EQUAL": "1.14.0 1.14.0 2.3.0 2.13.0",
    "EXP": "1.7.0 2.12.0",
    "EXPAND_DIMS": "1.10.0",
    "FLOOR": "1.9.0",
    "FLOOR_DIV": "1.14.0 1.14.0 2.13.0",
    "FLOOR_MOD": "1.13.0 2.13.0",
    "FULLY_CONNECTED": "1.5.0 1.10.0 1.14.0 1.14.0 2.0.0 2.1.0 2.3.0 2.3.0 2.3.0 2.11.0 2.15.0 2.17.0 2.18.0",
    "GATHER": "1.6.0 1.14.0 1.15.0 2.4.0 2.5.0 2.13.0 2.15.0",
    "GATHER_ND": "1.14.0 2.3.0 2.5.0 2.13.0 2.16.0",
    "GELU": "2.9.0 2.9.0",
    "GREATER": "1.14.0 1.14.0",
    "GREATER_EQUAL": "1.14.0 1.14.0 2.13.0",
    "HARD_SWISH": "1.15.0",
    "L2_NORMALIZATION": "1.5.0 1.14.0",
    "LEAKY_RELU": "1.13.1 2.3.0",
    "LESS": "1.14.0 1.14.0 2.13.0",
    "LESS_EQUAL": "1.14.0 1.14.0",
    "LOCAL_RESPONSE_NORMALIZATION": "1.5.0",
    "LOG": "1.14.0 2.15.0",
    "LOGICAL_AND": "1.11.0",
    "LOGICAL_NOT": "1.11.0",
    "LOGICAL_OR": "1.11.0",
    "LOGISTIC": "1.14.0 1.14.0 2.3.0",
    "LOG_SOFTMAX": "1.14.0 1.14.0",
    "MAXIMUM": "1.14.0 1.14.0 2.3.0 2.3.0",
    "MAX_POOL_2D": "1.5.0 1.14.0 2.3.0",
    "MEAN": "1.6.0 1.14.0 2.4.0",
    "MINIMUM": "1.14.0 1.14.0 2.3.0 2.3.0",
    "MIRROR_PAD": "1.13.1 2.3.0 2.12.0",
    "MUL": "1.5.0 1.14.0 1.15.0 2.3.0 2.6.0 2.11.0 2.13.0",
    "NEG": "1.9.0",
    "NOT_EQUAL": "1.14.0 1.14.0 2.3.0",
    "PACK": "1.11.0 1.14.0 2.3.0 2.13.0",
    "PAD": "1.5.0 1.14.0 2.4.0 2.6.0",
    "PADV2": "1.9.0 1.14.0 2.4.0 2.6.0",
    "POW": "1.10.0",
    "PRELU": "1.8.0",
    "QUANTIZE": "1.14.0 1.15.0 2.7.0",
    "REDUCE_ALL": "2.6.0",
    "REDUCE_ANY": "1.11.0",
    "REDUCE_MAX": "1.11.0 1.14.0 2.5.0",
    "REDUCE_MIN": "1.11.0 1.14.0 2.5.0",
    "REDUCE_PROD": "1.11.0 2.6.0",
    "RELU": "1.5.0 2.1.0 2.5.0",
    "RELU6": "1.5.0 1.14.0 2.5.0",
    "RELU_0_TO_1": "2.10.0",
    "RELU_N1_TO_1": "1.5.0",
    "RESHAPE": "1.5.0",
    "RESIZE_BILINEAR": "1.7.0 1.14.0 2.2.0 2.5.0",
    "RESIZE_NEAREST_NEIGHBOR": "1.13.1 1.14.0 2.3.0 2.4.0",
    "REVERSE_V2": "1.14.0 2.2.0 2.5.0",
    "ROUND": "1.14.0",
    "RSQRT": "1.10.0 2.5.0 2.15.0",
    "SELECT": "1.14.0 1.14.0 2.12.0 2.12.0",
    "SELECT_V2": "2.2.0 2.12.0",
    "SIGN": "2.11.0 2.12.0",
    "SIN": "1.9.0",
    "SLICE": "1.14.0 1.14.0 1.14.0 2.4.0 2.5.0 2.14.0",
    "SOFTMAX": "1.5.0 1.14.0 2.3.0",
    "SPACE_TO_DEPTH": "1.5.0 1.14.0",
    "SPLIT": "1.5.0 1.14.0 1.14.0 2.3.0",
    "SPLIT_V": "1.13.1 2.3.0",
    "SQRT": "1.10.0",
    "SQUARE": "1.12.0",
    "SQUARED_DIFFERENCE": "1.13.1 2.5.0",
    "SQUEEZE": "1.6.0 2.5.0",
    "STRIDED_SLICE": "1.6.0 1.14.0 2.1.0 2.2.0 2.5.0 2.6.0 2.14.0 2.14.0",
    "SUB": "1.6.0 1.14.0 2.3.0 2.4.0 2.4.0",
    "SUM": "1.10.0 1.15.0",
    "TANH": "1.14.0 1.14.0 2.3.0",
    "TILE": "1.10.1 2.2.0 2.8.0",
    "TOPK_V2": "1.7.0 1.14.0 2.13.0",
    "TRANSPOSE": "1.6.0 1.14.0 1.15.0 2.3.0 2.4.0 2.12.0 2.14.4",
    "TRANSPOSE_CONV": "1.9.0 2.2.0 2.3.0 2.13.0 2.15.0",
    "UNPACK": "1.11.0 1.14.0 2.2.0 2.3.0",
    "ZEROS_LIKE": "1.12.0",
}
"""Operator → the runtime versions that first took its version 1, 2, 3 ... (BROADCAST_TO's version 1 was
withdrawn: its row repeats version 2.)"""

NEWER_THAN_THE_TABLE: Version = (2, 21, 0)
"""Stands for the runtime of an operator version that the table does not hold."""


@dataclass(frozen=True)
class Requirement:
    """A form of an operator, and the first runtime that takes it.

    Attributes:
        operator: its TFLite name.
        version: the version of it that the file asks for.
        runtime: the first TFLite version that has it.
    """

    operator: str
    version: int
    runtime: Version

    def __str__(self) -> str:
        form = f"{self.operator} version {self.version}"
        if self.runtime == NEWER_THAN_THE_TABLE:
            return f"{form} is newer than every TFLite that ca-deploy knows"
        return f"{form} needs TFLite {dotted(self.runtime)}"


def requirements(data: bytes) -> list[Requirement]:
    """Every form of an operator that a .tflite holds, the one that asks for the newest runtime first."""
    model = TFLiteModel(data)
    forms = {(model.kind(operator), model.version(operator)) for operator in model.operators}
    found = [Requirement(kind, version, since(kind, version)) for kind, version in sorted(forms)]
    return sorted(found, key=lambda one: one.runtime, reverse=True)


def oldest_runtime(data: bytes) -> Version:
    """The oldest TFLite runtime that knows every operator of a .tflite."""
    return max((one.runtime for one in requirements(data)), default=(1, 5, 0))


def too_new(data: bytes, runtime: Version) -> Iterator[Requirement]:
    """The operators of a .tflite that a runtime of this version does not know."""
    return (one for one in requirements(data) if one.runtime > runtime)


def entry(runtime: Version) -> bytes:
    """The content of the file's entry `ENTRY`."""
    return dotted(runtime).encode().ljust(_ENTRY_BYTES, b"\0")


def dotted(version: Version) -> str:
    """A version as people write it."""
    return ".".join(map(str, version))


def parsed(text: str) -> Version:
    """A version such as "2.14" or "2.14.0" as three numbers.

    Raises:
        ValueError: when it is none.
    """
    parts = [int(part) for part in text.split(".")]
    if not 1 <= len(parts) <= 3 or min(parts) < 0:
        raise ValueError(text)
    return (*parts, *(0,) * (3 - len(parts)))


def since(kind: str, version: int) -> Version:
    """The first runtime that has a version of an operator."""
    row = _SINCE.get(kind, "").split()
    return parsed(row[version - 1]) if 1 <= version <= len(row) else NEWER_THAN_THE_TABLE
