"""A network inside one event loop, deterministic for a given seed, with faults on demand."""

import asyncio
from collections import deque
from collections.abc import Callable
from random import Random

import msgspec

from loom.errors import ForeignAddress, PortInUse, Unreachable
from loom.model import Address
from loom.ports import Listener, StreamHandler
from loom.wire.limits import WRITE_BUFFER_HIGH_BYTES

_WILDCARDS = ("0.0.0.0", "::")  # noqa: S104
_FIRST_FREE_PORT = 49_152


class Faults(msgspec.Struct, frozen=True, kw_only=True):
    """What goes wrong on one direction of a stream; byte counts are from its start."""

    chunk_max_bytes: int | None = None
    """Deliver in random pieces of 1 to this many bytes."""
    delay_s: float = 0.0
    """Wait this long before each piece."""
    cut_after_bytes: int | None = None
    """Both ends are closed once so many bytes came through."""
    drop_after_bytes: int | None = None
    """Everything later vanishes, and nobody is told."""
    buffer_bytes: int = WRITE_BUFFER_HIGH_BYTES
    """More than this undelivered is pressure: `writable(False)`."""


class MemoryNetwork:
    """Hosts that reach each other. `faults` are those of streams dialled from now on."""

    def __init__(self, seed: int = 0) -> None:
        self.faults = Faults()
        self.refusing: set[str] = set()
        """Hosts that answer no dial."""
        self.streams: list[MemoryStream] = []
        """Every stream ever, in order: the dialling end at 2n, the accepting end at 2n + 1."""
        self._seed = seed
        self._transports: dict[str, MemoryTransport] = {}
        self._group_of: dict[str, int] = {}

    def transport(self, host: str) -> "MemoryTransport":
        """The transport of the host with this address, a new one the first time."""
        if host not in self._transports:
            self._transports[host] = MemoryTransport(self, host)
        return self._transports[host]

    def move(self, old_host: str, new_host: str) -> None:
        """Give a host another address: its streams are cut, its ports stay open."""
        transport = self._transports.pop(old_host)
        self._transports[new_host] = transport
        transport.host = new_host
        self.cut(old_host)

    def cut(self, host: str | None = None) -> None:
        """Close every stream, or those of one host, at both ends."""
        for stream in self.streams:
            if host in (None, stream.local.host):
                stream.cut()

    def crash(self, host: str) -> None:
        """End a host as kill -9 would: its handlers hear nothing more, the others are closed."""
        self._transports.pop(host, None)
        for stream in self.streams:
            if stream.local.host == host:
                stream.silence()
                stream.cut()

    def partition(self, *groups: set[str]) -> None:
        """Only hosts of one group reach each other; what was under way waits for `heal`."""
        self._group_of = {host: n for n, group in enumerate(groups) for host in group}

    def heal(self) -> None:
        """End the partition."""
        self._group_of = {}
        for stream in self.streams:
            stream.wake()

    def parted(self, one: str, other: str) -> bool:
        """Whether nothing passes between two hosts; those of no group reach everybody."""
        groups = self._group_of
        return one in groups and other in groups and groups[one] != groups[other]

    def connect(self, source: Address, address: Address, handler: StreamHandler) -> "MemoryStream":
        """Make both ends of a stream, which open in the next turn; or raise Unreachable."""
        transport = self._transports.get(address.host)
        if transport is None or address.host in self.refusing:
            raise Unreachable(address=str(address))
        accept = transport.accepting.get(address.port)
        if accept is None or self.parted(source.host, address.host):
            raise Unreachable(address=str(address))
        near = MemoryStream(self, source, address, lambda: handler, self._random())
        far = MemoryStream(self, address, source, accept, self._random(1))
        near.peer, far.peer = far, near
        self.streams += [near, far]
        loop = asyncio.get_running_loop()
        loop.call_soon(near.open)
        loop.call_soon(far.open)
        return near

    def _random(self, offset: int = 0) -> Random:
        return Random(f"{self._seed}/{len(self.streams) + offset}")


class MemoryTransport:
    """The `Transport` of one host of a `MemoryNetwork`."""

    def __init__(self, network: MemoryNetwork, host: str) -> None:
        self.host = host
        self.accepting: dict[int, Callable[[], StreamHandler]] = {}
        self._network = network
        self._next_port = _FIRST_FREE_PORT

    async def listen(
        self, addresses: list[Address], accept: Callable[[], StreamHandler]
    ) -> Listener:
        """Bind all of `addresses` on one port (port 0: any free one, the same for all).

        Raises:
            PortInUse: taken.
            ForeignAddress: not this host's address and no wildcard.
        """
        free = self._free_port()
        bound = [Address(address.host, address.port or free) for address in addresses]
        for address in bound:
            if address.host not in (self.host, *_WILDCARDS):
                raise ForeignAddress(address=str(address))
            if address.port in self.accepting:
                raise PortInUse(host=address.host, port=address.port)
        self.accepting.update({address.port: accept for address in bound})
        return _MemoryListener(self, bound)

    def is_proxied(self, address: Address) -> bool:
        """Never."""
        return False

    async def check_proxy(self) -> None:
        """There is none."""

    async def dial(
        self,
        address: Address,
        handler: StreamHandler,
        timeout_s: float,
        isolation: bytes | None = None,
    ) -> None:
        """Connect; returns after `handler.connected`. Failures come at once, never by the clock.

        Raises:
            Unreachable: refused, or no such host or port.
        """
        if timeout_s <= 0:
            raise Unreachable(address=str(address))
        source = Address(self.host, self._free_port())
        stream = self._network.connect(source, address, handler)
        try:
            await asyncio.sleep(0)
        except BaseException:
            stream.cut()
            raise

    def _free_port(self) -> int:
        while self._next_port in self.accepting:
            self._next_port += 1
        self._next_port += 1
        return self._next_port - 1


class _MemoryListener:
    """The bound ports of one `listen`."""

    def __init__(self, transport: MemoryTransport, addresses: list[Address]) -> None:
        self._transport = transport
        self._addresses = addresses

    @property
    def addresses(self) -> list[Address]:
        """What is bound, with the real port."""
        return self._addresses

    async def close(self) -> None:
        """Accept nobody more; open streams live on."""
        for address in self._addresses:
            self._transport.accepting.pop(address.port, None)


class MemoryStream:
    """One end: it carries what is written here to the other end's handler, a piece a turn."""

    def __init__(
        self,
        network: MemoryNetwork,
        local: Address,
        remote: Address,
        accept: Callable[[], StreamHandler],
        random: Random,
    ) -> None:
        self.local = local
        self.peer: MemoryStream = self
        self.faults = network.faults
        self._network = network
        self._remote = remote
        self._accept = accept
        self._random = random
        self._handler: StreamHandler | None = None
        self._queue: deque[bytes] = deque()
        self._queued_bytes = 0
        self._passed_bytes = 0
        self._ready = True
        self._paused = False
        self._scheduled = False
        self._closing = False
        self._ended = False

    # --- Stream ---

    @property
    def remote(self) -> Address:
        """The other end."""
        return self._remote

    def write(self, data: bytes) -> None:
        """Queue bytes for the wire; after `close` they are dropped."""
        if self._closing or self._ended or not data:
            return
        self._queue.append(bytes(data))
        self._queued_bytes += len(data)
        self._tell_pressure()
        self.wake()

    def pause_reading(self) -> None:
        """Stop calling `data_received`."""
        self._paused = True

    def resume_reading(self) -> None:
        """Go on."""
        self._paused = False
        self.peer.wake()

    def close(self) -> None:
        """Flush what was written, then close; `closed` is called once."""
        self._closing = True
        self.wake()

    def abort(self) -> None:
        """Close at once, dropping what was not flushed; `closed` is called once."""
        self.cut()

    # --- the network's side ---

    def open(self) -> None:
        """Tell the handler, unless the stream ended meanwhile."""
        if self._ended:
            return
        try:
            self._handler = self._accept()
            self._handler.connected(self)
        except BaseException:
            self.cut()
            raise
        self.peer.wake()

    def cut(self) -> None:
        """End both ends now; what is under way is lost."""
        self.end()
        self.peer.end()

    def end(self) -> None:
        """End this end; its handler hears of it in a later turn, as from a socket."""
        if not self._ended:
            self._ended = True
            self._queue.clear()
            asyncio.get_running_loop().call_soon(self._tell_closed)

    @property
    def reading(self) -> bool:
        """Whether the handler is there and wants bytes."""
        return self._handler is not None and not self._paused

    def receive(self, data: bytes) -> None:
        """Give the handler what arrived; who closed reads no more."""
        if not data or self._closing or self._handler is None:
            return
        try:
            self._handler.data_received(data)
        except BaseException:
            self.cut()
            raise

    def silence(self) -> None:
        """Call this end's handler never again."""
        self._ended = True
        self._handler = None

    def wake(self) -> None:
        """Deliver the next piece in a later turn of the loop."""
        if self._scheduled or self._ended:
            return
        self._scheduled = True
        loop = asyncio.get_running_loop()
        if self.faults.delay_s and self._queue:
            loop.call_later(self.faults.delay_s, self._deliver)
        else:
            loop.call_soon(self._deliver)

    def _deliver(self) -> None:
        self._scheduled = False
        if self._ended or self._network.parted(self.local.host, self._remote.host):
            return
        if not self._queue:
            if self._closing:
                self.cut()
            return
        if not self.peer.reading:
            return
        piece, line_cut = self._next_piece()
        self.peer.receive(piece)
        if line_cut:
            self.cut()
        self._tell_pressure()
        if self._queue or self._closing:
            self.wake()

    def _next_piece(self) -> tuple[bytes, bool]:
        """What arrives next, and whether the line is cut after it."""
        faults = self.faults
        piece = self._queue.popleft()
        if faults.chunk_max_bytes is not None:
            size = self._random.randint(1, faults.chunk_max_bytes)
            if size < len(piece):
                self._queue.appendleft(piece[size:])
                piece = piece[:size]
        self._queued_bytes -= len(piece)
        before, self._passed_bytes = self._passed_bytes, self._passed_bytes + len(piece)
        for end in (faults.cut_after_bytes, faults.drop_after_bytes):
            if end is not None:
                piece = piece[: max(0, end - before)]
        cut_after = faults.cut_after_bytes
        return piece, cut_after is not None and self._passed_bytes >= cut_after

    def _tell_pressure(self) -> None:
        if self._handler is None or self._ended:
            return
        full = self._queued_bytes > self.faults.buffer_bytes
        if self._ready and full:
            self._ready = False
            self._handler.writable(False)
        elif not self._ready and self._queued_bytes <= self.faults.buffer_bytes // 4:
            self._ready = True
            self._handler.writable(True)

    def _tell_closed(self) -> None:
        if self._handler is not None:
            self._handler.closed()
