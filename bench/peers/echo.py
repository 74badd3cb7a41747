"""A bare asyncio `Protocol` that echoes frames of 64 bytes: what the transport alone costs."""

import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bench.harness import Sample, Settings
from bench.processes import LineProcess, deadline_s

FRAME = bytes(64)


class _Frames(asyncio.Protocol):
    """Cuts what arrives into frames, one by one, as a messenger has to."""

    def __init__(self) -> None:
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        whole = len(data) - len(data) % len(FRAME)
        self._rest = data[whole:]
        self.frames_received([data[at : at + len(FRAME)] for at in range(0, whole, len(FRAME))])

    def frames_received(self, frames: list[bytes]) -> None:
        """The answer of the server: the same frames."""
        self._transport.writelines(frames)


class _Sender(_Frames):
    """Keeps a number of frames in flight until enough came back."""

    def __init__(self, in_flight: int, frames: int, done: asyncio.Future[None]) -> None:
        super().__init__()
        self._in_flight, self._expected, self._unsent = in_flight, frames, frames - in_flight
        self._done = done

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._transport.writelines([FRAME] * self._in_flight)

    def frames_received(self, frames: list[bytes]) -> None:
        self._expected -= len(frames)
        more = min(len(frames), self._unsent)
        self._unsent -= more
        self._transport.writelines([FRAME] * more)
        if self._expected == 0:
            self._transport.close()
            self._done.set_result(None)


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Frames, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def _exchange(port: int, in_flight: int, frames: int) -> float:
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()
    start = time.perf_counter()
    await loop.create_connection(lambda: _Sender(in_flight, frames, done), "127.0.0.1", port)
    await asyncio.wait_for(done, timeout=30)
    return time.perf_counter() - start


@contextmanager
def _server(rounds: int) -> Iterator[int]:
    with LineProcess([sys.executable, "-m", "bench.peers.echo"], deadline_s(rounds)) as server:
        yield int(server.read_line())


@contextmanager
def round_trip(settings: Settings) -> Iterator[Sample]:
    """Seconds for one frame there and back."""
    frames = settings.amount(5_000, 100)
    with _server(settings.rounds) as port:
        yield lambda: asyncio.run(_exchange(port, 1, frames)) / frames


@contextmanager
def echoed_32(settings: Settings) -> Iterator[Sample]:
    """Frames per second with 32 in flight."""
    frames = settings.amount(100_000, 1_000)
    with _server(settings.rounds) as port:
        yield lambda: frames / asyncio.run(_exchange(port, 32, frames))


@contextmanager
def echoed_2048(settings: Settings) -> Iterator[Sample]:
    """Frames per second with 2,048 in flight."""
    frames = settings.amount(500_000, 10_000)
    with _server(settings.rounds) as port:
        yield lambda: frames / asyncio.run(_exchange(port, 2_048, frames))


if __name__ == "__main__":
    asyncio.run(_serve())
