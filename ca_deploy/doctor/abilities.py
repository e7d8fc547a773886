"""What ca-deploy can do where everything is installed: one row per format, device, command and check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Group = Literal["format", "device", "command", "check"]

_CONVERSION = ("torch", "onnx", "onnxscript", "onnxsim", "onnxruntime", "tensorflow", "ai-edge-litert")
_ENVIRONMENTS = ("venv", "ensurepip")

# What runs LiteRT elsewhere is built with these, sent with their libraries; pip fetches LiteRT itself.
_ARM_COMPILER = "aarch64-linux-gnu-gcc"
_ARM_PACKAGES = "gcc-aarch64-linux-gnu libc6-dev-arm64-cross libstdc++6-arm64-cross"
_X86_COMPILER = "x86_64-linux-gnu-gcc"
_X86_PACKAGES = "gcc-x86-64-linux-gnu libc6-dev-amd64-cross libstdc++6-amd64-cross"
_PIP = ("pip",)


@dataclass(frozen=True)
class Ability:
    """Something that needs packages or programs.

    Attributes:
        group: what kind of thing it is.
        name: as options and pages call it.
        purpose: what it is for, in a few words.
        packages: Python packages, as pip calls them.
        programs: that must be on the PATH; the Python that runs ca-deploy need not.
        bounds: of programs' versions, as pip writes them.
        compilers: those of the programs whose C and C++ libraries have to be there, too.
        modules: of Python's own library and pip, which some systems package apart.
        install: the command that brings what is missing.
    """

    group: Group
    name: str
    purpose: str
    packages: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    bounds: Mapping[str, str] = field(default_factory=dict)
    compilers: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    install: str = "pip install --upgrade ca-deploy"


ABILITIES = (
    Ability("format", "onnx", "model.onnx, for ONNX Runtime", _CONVERSION[:5]),
    Ability("format", "tflite", "model_*.tflite, for Android, x86 and browsers", _CONVERSION),
    Ability("format", "ort", "model_*.ort and model_int8.onnx, for ONNX Runtime on phones", _CONVERSION[:5]),
    Ability(
        "format",
        "coreml",
        "model_*.mlpackage, for iOS",
        ("coremltools",),
        install='pip install "ca-deploy[coreml]"',
    ),
    Ability(
        "format",
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
        programs=("qemu-aarch64", "gcc", _ARM_COMPILER),
        bounds={"qemu-aarch64": ">=7,<9"},  # version 1 of its plugin interface
        compilers=(_ARM_COMPILER,),
        modules=_PIP,
        install=f"apt-get install qemu-user gcc {_ARM_PACKAGES} python3-pip",
    ),
    Ability(
        "device",
        "ssh",
        "times on an ARM machine behind SSH",
        programs=("ssh", _ARM_COMPILER),
        compilers=(_ARM_COMPILER,),
        modules=_PIP,
        install=f"apt-get install openssh-client {_ARM_PACKAGES} python3-pip",
    ),
    Ability(
        "device",
        "ssh to x86-64",
        "times on an x86-64 machine behind SSH",
        programs=("ssh", _X86_COMPILER),
        compilers=(_X86_COMPILER,),
        modules=_PIP,
        install=f"apt-get install openssh-client {_X86_PACKAGES} python3-pip",
    ),
    Ability(
        "device",
        "adb",
        "an Android phone on a cable",
        programs=("adb", _ARM_COMPILER),
        compilers=(_ARM_COMPILER,),
        modules=_PIP,
        install=f"apt-get install adb {_ARM_PACKAGES} python3-pip",
    ),
    Ability(
        "device",
        "browser",
        "times in the browser of any phone",
        ("cryptography", "segno"),
        ("npm",),
        install='pip install "ca-deploy[browser]"; apt-get install npm',
    ),
    Ability("command", "profile", "what each operator costs on this machine", ("ai-edge-litert",)),
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
"""A further format, device, command or check is one more row."""
