"""What it takes to run LiteRT elsewhere or emulated: tools that the system has, files made on demand.

All that is built or fetched lies in the user's cache under names that hold what it was made from.
"""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from ca_deploy.errors import DeviceError, last_line
from ca_deploy.runtimes.cache import cached

_NATIVE = Path(__file__).parent / "native"
_PACKAGES = "qemu-user gcc gcc-aarch64-linux-gnu libc6-dev-arm64-cross libstdc++6-arm64-cross"
_NATIVE_PACKAGES = "gcc libc6-dev libstdc++6"
_CROSS_PACKAGES = {
    "aarch64": "gcc-aarch64-linux-gnu libc6-dev-arm64-cross libstdc++6-arm64-cross",
    "x86_64": "gcc-x86-64-linux-gnu libc6-dev-amd64-cross libstdc++6-amd64-cross",
}
_ARM_LIBRARIES = Path("/usr/aarch64-linux-gnu/lib")  # where those packages put them

# What wheels for Linux are tagged with, before the architecture; pip takes the one that exists.
_PLATFORMS = ("manylinux_2_27", "manylinux_2_28", "manylinux2014", "manylinux_2_34")

# The architectures that LiteRT has wheels for, and the name of the loader that starts programs there.
LOADERS = {"aarch64": "ld-linux-aarch64.so.1", "x86_64": "ld-linux-x86-64.so.2"}
_LIBRARIES = (  # those that libLiteRt.so and the runner need
    "libc.so.6",
    "libdl.so.2",
    "libgcc_s.so.1",
    "libm.so.6",
    "libpthread.so.0",
    "librt.so.1",
    "libstdc++.so.6",
)

# Level 2 cache of the Raspberry Pi 3, 4 and 5, whose cores these are. XNNPACK sizes its tiles by it.
LEVEL_2_CACHE = {"cortex-a53": "512K", "cortex-a72": "1024K", "cortex-a76": "512K"}


def tool(name: str, packages: str = _PACKAGES) -> str:
    """The path of a program, which Debian's `packages` bring.

    Raises:
        DeviceError: when it is not installed.
    """
    found = shutil.which(name)
    if not found:
        raise DeviceError(f"{name} is not installed: run `apt-get install {packages}`")
    return found


def program(name: str, architecture: str = "aarch64") -> Path:
    """A program for Linux from `native/`: `runner` or `profiler`.

    Raises:
        DeviceError: when it cannot be built.
    """
    source, shared = _NATIVE / f"{name}.c", _NATIVE / "common.h"

    def build(folder: Path) -> None:
        _compile(_compiler(architecture), source, folder / name, "-ldl")

    return cached(f"{name}-{architecture}-{_digest(source, shared)}", build) / name


def system_libraries(architecture: str) -> list[Path]:
    """The loader and the C and C++ libraries of an architecture, so that the far machine's do not matter.

    Raises:
        DeviceError: when they are not installed.
    """
    compiler = _compiler(architecture)
    found = []
    for name in (LOADERS[architecture], *_LIBRARIES):
        answer = subprocess.run(
            [compiler, f"-print-file-name={name}"], capture_output=True, text=True, check=False
        )
        path = Path(answer.stdout.strip())
        if not path.is_absolute():  # the bare name comes back when there is no such file
            raise DeviceError(
                f"{name} for {architecture} is missing: run `apt-get install {_packages(architecture)}`"
            )
        found.append(path)
    return found


def instruction_counter() -> Path:
    """The plugin for QEMU that counts instructions (`native/insn_count.c`).

    Raises:
        DeviceError: when it cannot be built.
    """
    source = _NATIVE / "insn_count.c"

    def build(folder: Path) -> None:
        _compile(tool("gcc"), source, folder / "libinsn_count.so", "-shared", "-fPIC")

    return cached(f"insn-count-{_digest(source)}", build) / "libinsn_count.so"


def litert_library(version: str, architecture: str = "aarch64") -> Path:
    """libLiteRt.so for Linux, from the wheel of a version of ai-edge-litert.

    Raises:
        DeviceError: when pip cannot fetch the wheel.
    """

    def fetch(folder: Path) -> None:
        platforms = [word for tag in _PLATFORMS for word in ("--platform", f"{tag}_{architecture}")]
        python = ("--python-version", "3.11", "--implementation", "cp", "--only-binary=:all:", "--no-deps")
        wanted = ("--dest", str(folder), f"ai-edge-litert=={version}")
        download = (sys.executable, "-m", "pip", "download", *platforms, *python, *wanted)
        _call(f"fetching LiteRT for {architecture}", *download)
        (wheel,) = folder.glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            (folder / "libLiteRt.so").write_bytes(archive.read("ai_edge_litert/libLiteRt.so"))
        wheel.unlink()

    return cached(f"litert-{version}-{architecture}", fetch) / "libLiteRt.so"


def core_root(core: str) -> Path:
    """A root folder for `qemu-aarch64 -L`: the ARM libraries, and files that tell LiteRT which core it is on.

    Without them it would read this machine's, which crashes it (proc/cpuinfo) or makes its choices depend
    on where it is emulated (number of cores and size of the cache).

    Raises:
        DeviceError: when the ARM libraries are not installed.
    """
    cpuinfo = _NATIVE / "cpuinfo" / core
    if not (_ARM_LIBRARIES / "libstdc++.so.6").exists():
        raise DeviceError(f"the ARM libraries are not installed: run `apt-get install {_PACKAGES}`")

    def make(folder: Path) -> None:
        (folder / "lib").symlink_to(_ARM_LIBRARIES)
        (folder / "proc").mkdir()
        shutil.copy(cpuinfo, folder / "proc" / "cpuinfo")
        for name, text in _processor_files(LEVEL_2_CACHE[core]).items():
            path = folder / "sys/devices/system/cpu" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text + "\n")

    return cached(f"root-{core}-{_digest(cpuinfo, Path(__file__))}", make)


def _compiler(architecture: str) -> str:
    """The C compiler for an architecture."""
    return tool(f"{architecture}-linux-gnu-gcc", _packages(architecture))


def _packages(architecture: str) -> str:
    """Debian's packages of the compiler and the libraries for an architecture."""
    return _NATIVE_PACKAGES if architecture == platform.machine() else _CROSS_PACKAGES[architecture]


def _processor_files(level_2_cache: str) -> dict[str, str]:
    """/sys/devices/system/cpu of two equal cores, as cpuinfo/ has them; as much as LiteRT reads."""
    cores = "0-1"
    files = {"possible": cores, "present": cores, "kernel_max": "1"}
    for core in ("cpu0", "cpu1"):
        files |= {
            f"{core}/cache/index2/level": "2",
            f"{core}/cache/index2/shared_cpu_list": cores,
            f"{core}/cache/index2/size": level_2_cache,
            f"{core}/topology/cluster_cpus_list": cores,
            f"{core}/topology/physical_package_id": "0",
        }
    return files


def _digest(*sources: Path) -> str:
    return hashlib.sha256(b"".join(s.read_bytes() for s in sources)).hexdigest()[:12]


def _compile(compiler: str, source: Path, result: Path, *options: str) -> None:
    command = (compiler, "-std=c11", "-O2", "-Wall", "-Wextra", "-o", str(result), str(source), *options)
    _call(f"compiling {source.name}", *command)


def _call(purpose: str, *command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        complaint = last_line(done.stderr, f"exit status {done.returncode}")
        raise DeviceError(f"{purpose} failed: {complaint}")
