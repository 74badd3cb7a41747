"""A SOCKS 5 server that leads all to ports of this machine, and notes what it was asked."""

import asyncio
import ipaddress
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

from loom.model import Address
from tests.transport.recorder import Seen

SUCCEEDED, REFUSED = 0, 5


class Asked(NamedTuple):
    """One request."""

    host: str
    port: int
    is_name: bool
    user: str
    password: str


class SocksServer:
    """Answers with `reply`; asks everybody to log in, and takes any login unless `login_fails`."""

    def __init__(self, target: Address) -> None:
        self.target = target
        self.targets: dict[str, Address] = {}
        """For those hosts in place of it."""
        self.asked = Seen[Asked]()
        self.ended = Seen[None]()
        self.reply = SUCCEEDED
        self.login_fails = False
        self.greeting: bytes | None = None
        """Sent in place of everything, where it is another program that listens here."""
        self.hangs = False
        self._tasks = set[asyncio.Task[None]]()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with suppress(asyncio.IncompleteReadError, OSError):
                await self._talk(reader, writer)
        finally:
            self._tasks.discard(task)
            writer.transport.abort()
            self.ended(None)

    async def close(self) -> None:
        """End what goes on."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, count = await reader.readexactly(2)
        methods = await reader.readexactly(count)
        if self.greeting is not None:
            writer.write(self.greeting)
            await writer.drain()
            return
        assert 2 in methods
        writer.write(b"\x05\x02")
        assert await reader.readexactly(1) == b"\x01"
        user = await reader.readexactly((await reader.readexactly(1))[0])
        password = await reader.readexactly((await reader.readexactly(1))[0])
        writer.write(b"\x01\x01" if self.login_fails else b"\x01\x00")
        _, _, _, kind = await reader.readexactly(4)
        if kind == 3:
            host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
        else:
            host = str(ipaddress.ip_address(await reader.readexactly(4 if kind == 1 else 16)))
        port = int.from_bytes(await reader.readexactly(2), "big")
        self.asked(Asked(host, port, kind == 3, user.decode(), password.decode()))
        if self.hangs:
            await reader.read()  # until the other side gives up
            return
        writer.write(bytes((5, self.reply, 0, 1)) + bytes(6))
        if self.reply == SUCCEEDED:
            far_reader, far_writer = await asyncio.open_connection(
                *_pair(self.targets.get(host, self.target))
            )
            try:
                await asyncio.wait(
                    [
                        asyncio.create_task(_pump(reader, far_writer)),
                        asyncio.create_task(_pump(far_reader, writer)),
                    ],
                    return_when=asyncio.FIRST_COMPLETED,
                )
            finally:
                far_writer.transport.abort()


@asynccontextmanager
async def socks_server(target: Address) -> AsyncIterator[tuple[SocksServer, Address]]:
    """A running server, and where it is."""
    served = SocksServer(target)
    server = await asyncio.start_server(served.serve, "127.0.0.1", 0)
    try:
        yield served, Address(*server.sockets[0].getsockname())
    finally:
        server.close()
        await served.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()


def _pair(address: Address) -> tuple[str, int]:
    return address.host, address.port
