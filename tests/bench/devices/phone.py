"""The side of adb that a phone has, as much as the real client needs: connect, shell with exit status, push.

Commands run on a `FarMachine`. The protocol is that of AOSP's packages/modules/adb: protocol.txt, SYNC.TXT
and shell_protocol.h.

Usage as a program: phone.py ENTER TRUSTING. ENTER is the script that runs a command on a far machine,
TRUSTING is 1 when the phone accepts the client's key. It prints the port of 127.0.0.1 where it listens.
"""

from __future__ import annotations

import asyncio
import shlex
import struct
import subprocess
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

_VERSION, _LARGEST = 0x01000000, 256 * 1024
_BANNER = b"device::ro.product.name=standin;ro.product.model=Stand-In;features=shell_v2,cmd"
_TOKEN, _SIGNATURE = 1, 2  # kinds of AUTH; the third, a public key, is left for the user of the phone
_STDIN, _STDOUT, _STDERR, _EXIT, _CLOSE_STDIN = range(5)


def _header(command: bytes, first: int, second: int, data: bytes) -> bytes:
    number = int.from_bytes(command, "little")
    return struct.pack("<4s5I", command, first, second, len(data), sum(data), number ^ 0xFFFFFFFF)


class _Stream:
    """One service that the client opened: bytes in both directions."""

    def __init__(self, connection: _Connection, mine: int, theirs: int) -> None:
        self._connection = connection
        self._ids = (mine, theirs)
        self._pending = b""
        self.received: asyncio.Queue[bytes] = asyncio.Queue()
        self.acknowledged = asyncio.Event()
        self._writing = asyncio.Lock()

    async def read(self, size: int) -> bytes:
        while len(self._pending) < size:
            more = await self.received.get()
            if not more:
                raise EOFError
            self._pending += more
        found, self._pending = self._pending[:size], self._pending[size:]
        return found

    async def write(self, data: bytes) -> None:
        async with self._writing:
            for start in range(0, len(data), self._connection.largest):
                self.acknowledged.clear()
                self._connection.send(b"WRTE", *self._ids, data[start : start + self._connection.largest])
                await self.acknowledged.wait()

    def close(self) -> None:
        self._connection.send(b"CLSE", *self._ids)


class _Connection:
    """One client."""

    def __init__(
        self, services: _Services, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._services, self._reader, self._writer = services, reader, writer
        self._streams: dict[int, _Stream] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.largest = 4096

    def send(self, command: bytes, first: int, second: int, data: bytes = b"") -> None:
        self._writer.write(_header(command, first, second, data) + data)

    async def serve(self) -> None:
        try:
            while True:
                command, first, second, size, _, _ = struct.unpack(
                    "<4s5I", await self._reader.readexactly(24)
                )
                self._answer(command, first, second, await self._reader.readexactly(size))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            for stream in self._streams.values():
                stream.received.put_nowait(b"")
                stream.acknowledged.set()
            self._writer.close()

    def _answer(self, command: bytes, first: int, second: int, data: bytes) -> None:
        stream = self._streams.get(second)
        if command == b"CNXN" or (command == b"AUTH" and first == _SIGNATURE):
            self._connect(second)
        elif command == b"OPEN":
            self._open(first, data.rstrip(b"\0").decode())
        elif stream and command == b"WRTE":
            stream.received.put_nowait(data)
            self.send(b"OKAY", second, first)
        elif stream and command == b"OKAY":
            stream.acknowledged.set()
        elif stream and command == b"CLSE":
            del self._streams[second]
            stream.received.put_nowait(b"")
            stream.acknowledged.set()

    def _connect(self, largest: int) -> None:
        if self._services.trusting:
            self.largest = min(largest or _LARGEST, _LARGEST)
            self.send(b"CNXN", _VERSION, _LARGEST, _BANNER)
        else:
            self.send(b"AUTH", _TOKEN, 0, bytes(20))  # to be signed; no signature will do

    def _open(self, theirs: int, service: str) -> None:
        mine = len(self._tasks) + 1
        stream = self._streams[mine] = _Stream(self, mine, theirs)
        self.send(b"OKAY", mine, theirs)
        task = asyncio.create_task(self._serve(stream, service))
        self._tasks.add(task)

    async def _serve(self, stream: _Stream, service: str) -> None:
        name, _, argument = service.partition(":")
        try:
            if name.startswith("shell"):
                await self._services.shell(stream, argument)
            elif name == "sync":
                await self._services.sync(stream)
        except (EOFError, ConnectionError):
            pass
        stream.close()


class Phone:
    """A phone in a process of its own.

    Args:
        enter: the script that runs a command on a far machine.
        trusting: whether it accepts the client's key.

    Attributes:
        port: where it listens on 127.0.0.1.
    """

    def __init__(self, enter: Path, trusting: bool) -> None:
        command = [sys.executable, __file__, enter, str(int(trusting))]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def unplug(self) -> None:
        """End every connection, and take no more."""
        self._process.kill()
        self._process.wait()


class _Services:
    """What the client can open."""

    def __init__(self, enter: str, trusting: bool) -> None:
        self._enter = enter
        self.trusting = trusting

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _Connection(self, reader, writer).serve()

    async def _start(self, command: str) -> Process:
        return await asyncio.create_subprocess_exec(
            self._enter, command, stdin=PIPE, stdout=PIPE, stderr=PIPE
        )

    async def shell(self, stream: _Stream, command: str) -> None:
        """A shell of version 2: packets of kind and length in both directions, the exit status at the end."""
        process = await self._start(command)
        given = asyncio.create_task(_give(stream, process))
        await asyncio.gather(
            _take(process.stdout, stream, _STDOUT),
            _take(process.stderr, stream, _STDERR),
        )
        status = await process.wait()
        given.cancel()
        await stream.write(struct.pack("<BIB", _EXIT, 1, status))

    async def sync(self, stream: _Stream) -> None:
        """The service behind `adb push`."""
        while True:
            kind, size = struct.unpack("<4sI", await stream.read(8))
            if kind == b"QUIT":
                return
            argument = (await stream.read(size)).decode()
            if kind == b"STAT":
                await stream.write(b"STAT" + await self._stat(argument))
            elif kind == b"SEND":
                await self._receive_file(stream, *argument.rsplit(",", 1))

    async def _stat(self, path: str) -> bytes:
        process = await self._start(f"stat -c '0x%f %s %Y' {shlex.quote(path)}")
        output, _ = await process.communicate()
        mode, size, time = (int(word, 0) for word in output.split() or (b"0", b"0", b"0"))
        return struct.pack("<3I", mode, size, time)

    async def _receive_file(self, stream: _Stream, path: str, mode: str) -> None:
        content = b""
        while (packet := struct.unpack("<4sI", await stream.read(8)))[0] == b"DATA":
            content += await stream.read(packet[1])
        target = shlex.quote(path)
        process = await self._start(f"cat >{target} && chmod {int(mode) & 0o777:o} {target}")
        _, complaint = await process.communicate(content)
        failed = complaint.strip() if process.returncode else b""
        await stream.write(
            struct.pack("<4sI", b"FAIL" if process.returncode else b"OKAY", len(failed)) + failed
        )


async def _give(stream: _Stream, process: Process) -> None:
    """Hand the client's standard input to a process, and its end too."""
    assert process.stdin is not None
    try:
        while True:
            kind, size = struct.unpack("<BI", await stream.read(5))
            data = await stream.read(size)
            if kind == _CLOSE_STDIN:
                break
            if kind == _STDIN:
                process.stdin.write(data)
                await process.stdin.drain()
    except (EOFError, ConnectionError):
        pass
    process.stdin.close()


async def _take(source: asyncio.StreamReader | None, stream: _Stream, kind: int) -> None:
    assert source is not None
    while data := await source.read(_LARGEST // 2):
        await stream.write(struct.pack("<BI", kind, len(data)) + data)


async def _main(enter: str, trusting: str) -> None:
    server = await asyncio.start_server(_Services(enter, trusting == "1").accept, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201  its port is what it prints
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
