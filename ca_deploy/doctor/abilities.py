"""What ca-deploy can do where everything is installed: one row per target, device and check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Group = Literal["target", "device", "check"]

_CONVERSION = ("torch", "onnx", "onnxscript", "onnxsim", "onnxruntime", "tensorflow", "ai-edge-litert")
_ENVIRONMENTS = ("venv", "ensurepip")


@dataclass(frozen=True)
class Ability:
    """Something that needs packages or programs.

    Attributes:
        group: what kind of thing it is.
        name: as options and pages call it.
        purpose: what it is for, in a few words.
        packages: Python packages, as pip calls them.
        programs: that must be on the PATH; the Python that runs ca-deploy need not.
        modules: of Python's own library, which some systems package apart.
        install: the command that brings what is missing.
    """

    group: Group
    name: str
    purpose: str
    packages: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    install: str = "pip install --upgrade ca-deploy"


ABILITIES = (
    Ability("target", "onnx", "model.onnx, for ONNX Runtime", _CONVERSION[:5]),
    Ability("target", "tflite", "model_*.tflite, for Android, x86 and browsers", _CONVERSION),
    Ability(
        "target",
        "coreml",
        "model.mlpackage, for iOS",
        ("coremltools",),
        install='pip install "ca-deploy[coreml]"',
    ),
    Ability(
        "target",
        "executorch",
        "model_*.pte, for ExecuTorch",
        ("executorch",),
        install='pip install "ca-deploy[executorch]"',
    ),
    Ability("device", "local", "times on this machine", ("ai-edge-litert", "onnxruntime")),
    Ability(
        "device",
        "emulated",
        "instruction counts on ARM cores",
        programs=("qemu-aarch64", "gcc", "aarch64-linux-gnu-gcc"),
        install="apt-get install qemu-user gcc gcc-aarch64-linux-gnu libc6-dev-arm64-cross "
        "libstdc++6-arm64-cross",
    ),
    Ability(
        "device",
        "ssh",
        "times on a machine behind SSH",
        programs=("ssh",),
        install="apt-get install openssh-client",
    ),
    Ability("device", "adb", "an Android phone on a cable", programs=("adb",), install="apt-get install adb"),
    Ability(
        "device",
        "browser",
        "times in the browser of any phone",
        ("cryptography", "segno"),
        ("npm",),
        install='pip install "ca-deploy[browser]"; apt-get install npm',
    ),
    Ability(
        "check",
        "mediapipe",
        "bundle --check in MediaPipe Tasks",
        modules=_ENVIRONMENTS,
        install="apt-get install python3-venv",
    ),
    Ability(
        "check",
        "tflite-runtime",
        "bundle --check in TFLite 2.14",
        programs=("python3.11",),
        modules=_ENVIRONMENTS,
        install="apt-get install python3.11 python3.11-venv",
    ),
)
"""A further target, device or check is one more row."""
