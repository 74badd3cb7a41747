"""Strangers at a node's port, from many addresses of the loopback network.

-> READY descriptors             how many sockets this process may hold at once
<- BEGIN attack port count [file]    half-open keeps, slow writes on so many; replay reads the file
-> BEGUN
<- END at_least                      goes on until so many connections were made
-> DONE count elapsed_s
"""

import asyncio
import os
import resource
import socket
import sys
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from loom.wire.limits import LINK_CLEAR_BYTES

SOURCES: Final = 64
"""More than the places before the gate, at four each."""
AT_ONCE: Final = 64
SAID: Final = (
    b"",
    b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"\x16\x03\x01" + bytes(300),
    b"SSH-2.0-OpenSSH_9.6\r\n",
)

Attack = Callable[["Crowd", int], Coroutine[Any, Any, None]]


class Crowd:
    """Counts what it does."""

    def __init__(self, port: int, said: bytes = b"") -> None:
        self.made = 0
        self.said = said
        self._port = port
        self._came = asyncio.Event()

    async def until(self, at_least: int) -> None:
        """Return once so many connections were made."""
        while self.made < at_least:
            self._came.clear()
            await self._came.wait()

    async def connection(self) -> socket.socket | None:
        """A connection from the next address; None when the node's queue is full."""
        sock = socket.socket()
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Ended by a reset: ten thousand ports in TIME_WAIT would be a test of this machine.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        number = self.made % SOURCES
        self.made += 1
        self._came.set()
        try:
            sock.bind((f"127.0.1.{number + 1}", 0))
            async with asyncio.timeout(2.0):
                await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", self._port))
        except OSError:
            sock.close()
            return None
        return sock


async def scanners(crowd: Crowd, count: int) -> None:
    """Come, say something, go."""

    async def scan() -> None:
        loop = asyncio.get_running_loop()
        while True:
            sock = await crowd.connection()
            if sock is None:
                await asyncio.sleep(0.01)
                continue
            with sock, suppress(OSError):
                await loop.sock_sendall(sock, SAID[crowd.made % len(SAID)])
                await asyncio.sleep(0)

    await _all([scan() for _ in range(AT_ONCE)])


async def half_open(crowd: Crowd, count: int) -> None:
    """Begin a handshake and leave it; `count` stay open on this side, then the oldest go."""
    held: list[socket.socket] = []
    loop = asyncio.get_running_loop()

    async def begin() -> None:
        while True:
            sock = await crowd.connection()
            if sock is None:
                await asyncio.sleep(0.01)
                continue
            with suppress(OSError):
                await loop.sock_sendall(sock, os.urandom(LINK_CLEAR_BYTES + 2 + 600))
            held.append(sock)
            if len(held) > count:
                held.pop(0).close()

    try:
        await _all([begin() for _ in range(AT_ONCE)])
    finally:
        for sock in held:
            sock.close()


async def slow(crowd: Crowd, count: int) -> None:
    """Write a byte at a time, and come again when let go."""
    loop = asyncio.get_running_loop()

    async def write() -> None:
        while True:
            sock = await crowd.connection()
            if sock is None:
                await asyncio.sleep(0.1)
                continue
            with sock, suppress(OSError):
                while True:
                    await loop.sock_sendall(sock, b"x")
                    await asyncio.sleep(0.1)

    await _all([write() for _ in range(count)])


async def replay(crowd: Crowd, count: int) -> None:
    """Say again what a contact once said."""

    async def repeat() -> None:
        loop = asyncio.get_running_loop()
        while True:
            sock = await crowd.connection()
            if sock is None:
                await asyncio.sleep(0.01)
                continue
            with sock, suppress(OSError):
                await loop.sock_sendall(sock, crowd.said)
                await asyncio.sleep(0.005)

    await _all([repeat() for _ in range(AT_ONCE)])


async def _all(works: list[Coroutine[Any, Any, None]]) -> None:
    async with asyncio.TaskGroup() as group:
        for work in works:
            group.create_task(work)


ATTACKS: Final[dict[str, Attack]] = {
    "scanners": scanners,
    "half-open": half_open,
    "slow": slow,
    "replay": replay,
}


async def main() -> None:
    """Do what the lines on stdin say until they end."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    print("READY", hard, flush=True)
    crowd, attack, began_s = Crowd(0), None, 0.0
    while line := await asyncio.to_thread(sys.stdin.readline):
        match line.split():
            case ["BEGIN", name, port, count, *file]:
                said = await asyncio.to_thread(Path(file[0]).read_bytes) if file else b""
                crowd, began_s = Crowd(int(port), said), time.perf_counter()
                attack = asyncio.create_task(ATTACKS[name](crowd, int(count)))
                print("BEGUN", flush=True)
            case ["END", at_least] if attack is not None:
                await crowd.until(int(at_least))
                elapsed_s = time.perf_counter() - began_s
                attack.cancel()
                await asyncio.gather(attack, return_exceptions=True)
                print("DONE", crowd.made, elapsed_s, flush=True)


if __name__ == "__main__":
    asyncio.run(main())
