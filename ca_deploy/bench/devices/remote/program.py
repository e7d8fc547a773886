"""One of our own programs on the far side, with LiteRT's library and everything below it but the kernel."""

from __future__ import annotations

from ca_deploy.bench import toolchain
from ca_deploy.bench.devices.remote.facts import Facts
from ca_deploy.bench.devices.remote.folder import FarFolder
from ca_deploy.errors import DeviceError
from ca_deploy.runtimes.litert import LiteRT


def send_program(folder: FarFolder, facts: Facts, name: str) -> str:
    """Push `runner` or `profiler`, its libraries and the loader; gives the words that start it.

    The loader is started by name, so that the far side needs no library of its own.

    Raises:
        DeviceError: when LiteRT does not come for the machine, or the files cannot be made or copied.
    """
    if facts.architecture not in toolchain.LOADERS:
        known = " and ".join(toolchain.LOADERS)
        raise DeviceError(
            f"{folder.device} is {facts.architecture}, and LiteRT comes for {known}: use a 64-bit system"
        )
    files = {file.name: file for file in toolchain.system_libraries(facts.architecture)}
    files["libLiteRt.so"] = toolchain.litert_library(LiteRT.version, facts.architecture)
    files[name] = toolchain.program(name, facts.architecture)
    folder.push(files)
    return f"./{toolchain.LOADERS[facts.architecture]} --library-path . ./{name} ./libLiteRt.so"


def cores_word(cores: tuple[int, ...]) -> str:
    """Cores as the programs take them."""
    return ",".join(map(str, cores)) or "all"
