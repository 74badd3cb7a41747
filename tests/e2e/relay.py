"""A stream between two processes that can be cut, and that keeps what passed."""

import asyncio
from collections.abc import Callable

HOST = "127.0.0.1"


class Relay:
    """Listens for one end and dials the other; `target` is its port, 0: nobody is there.

    Args:
        passed: called with the bytes of each connection: its number, whether they come from who
            dialled, and what passed.
    """

    def __init__(self, passed: Callable[[int, bool, bytes], None] | None = None) -> None:
        self.port = 0
        self.target = 0
        self.is_open = True
        self._passed = passed or (lambda _number, _from_dialler, _data: None)
        self._count = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen; the port stays the same."""
        self._server = await asyncio.start_server(self._serve, HOST, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Listen no more, and cut what stands."""
        if self._server is not None:
            self._server.close()
        self.cut()

    def cut(self) -> None:
        """End every connection, in the middle of whatever passes."""
        for writer in list(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._count += 1
        number = self._count
        try:
            if not (self.is_open and self.target):
                return
            far_reader, far_writer = await asyncio.open_connection(HOST, self.target)
            self._writers |= {writer, far_writer}
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._pass(number, True, reader, far_writer))
                    group.create_task(self._pass(number, False, far_reader, writer))
            except* OSError:
                pass
            finally:
                self._writers -= {writer, far_writer}
                far_writer.transport.abort()
        except OSError:
            pass  # nobody is there now
        finally:
            writer.transport.abort()

    async def _pass(
        self,
        number: int,
        from_dialler: bool,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        while data := await reader.read(65_536):
            self._passed(number, from_dialler, data)
            writer.write(data)
            await writer.drain()
        writer.close()
