"""TCP: one asyncio protocol between the socket and a `StreamHandler`."""

import asyncio
import contextlib
import errno
import socket
import time
from collections.abc import Callable, Iterable
from typing import cast

from loom.addresses import is_near, is_onion, must_lead_away, parse_host
from loom.errors import (
    ForeignAddress,
    InvalidAddress,
    NetworkError,
    PortInUse,
    PortNotAllowed,
    ProxyNeeded,
    Unreachable,
)
from loom.model import Address
from loom.ports import Listener, StreamHandler
from loom.wire.limits import (
    ACCEPTED_AT_ONCE,
    LISTEN_BACKLOG,
    PORT_TRIES,
    READ_MAX_BYTES,
    READ_MIN_BYTES,
    READ_QUICK_S,
    READ_SLOW_S,
    TCP_NOT_SENT_MAX_BYTES,
    TCP_SEGMENT_MAX_BYTES,
    TCP_UNANSWERED_MAX_S,
    WRITE_BUFFER_HIGH_BYTES,
    WRITE_BUFFER_LOW_BYTES,
)

_SocketName = tuple[str | int, ...]
_Resolved = tuple[socket.AddressFamily, _SocketName]
_PORT_MAX = 65_535
_WILDCARDS = ("0.0.0.0", "::")  # noqa: S104
_NOT_HERE = (
    errno.EADDRNOTAVAIL,
    errno.EAFNOSUPPORT,
    errno.EPROTONOSUPPORT,
    errno.EINVAL,  # link-local IPv6 without a scope
    errno.ENODEV,
)


class TcpTransport:
    """The `Transport` of real networks, over IPv4 and IPv6."""

    async def listen(
        self, addresses: list[Address], accept: Callable[[], StreamHandler]
    ) -> Listener:
        """Bind all of `addresses` on one port (port 0: any free one, the same for all).

        A wildcard (0.0.0.0, ::) of a family that this machine lacks is left out, unless nothing
        else is left; `Listener.addresses` says what is bound.

        Raises:
            PortInUse: taken.
            PortNotAllowed: needs more rights.
            InvalidAddress: not an address, or not one of this machine.
        """
        wanted = [(address, found) for address in addresses for found in await _local(address)]
        sockets = _bind_one_port(wanted)
        servers: list[asyncio.Server] = []
        loop = asyncio.get_running_loop()
        try:
            for sock in sockets:
                servers.append(  # noqa: PERF401
                    await loop.create_server(
                        lambda: _Connection(accept),
                        sock=sock,
                        backlog=ACCEPTED_AT_ONCE,
                        start_serving=False,
                    )
                )
            for server, sock in zip(servers, sockets, strict=True):
                await server.start_serving()
                # asyncio takes one number for two things: how many it accepts in one turn, which
                # is few, so that each is heard before a crowd behind it takes its place, and how
                # many the system lets wait.
                sock.listen(LISTEN_BACKLOG)
        except BaseException:
            for server in servers:
                server.close()
            _close_all(sockets)
            raise
        return _TcpListener(servers)

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
        """Connect; returns after `handler.connected`. `isolation` is for proxies.

        Raises:
            Unreachable: no such name, refused, no route, or not within the time.
            ProxyNeeded: an onion service; no name server is asked for it.
        """
        try:
            if is_onion(parse_host(address.host)):
                raise ProxyNeeded(address=str(address))
            async with asyncio.timeout(timeout_s):
                sock = await connect(address, timeout_s, leads_away=must_lead_away(address.host))
                await hand_over(sock, handler)
        except (InvalidAddress, OSError, ValueError, OverflowError) as error:
            raise Unreachable(address=str(address)) from error


class _TcpListener:
    """The servers of one port, one for each address."""

    def __init__(self, servers: list[asyncio.Server]) -> None:
        self._servers = servers
        self._addresses = [
            _address(sock.getsockname()) for server in servers for sock in server.sockets
        ]

    @property
    def addresses(self) -> list[Address]:
        """What is bound, with the real port."""
        return self._addresses

    async def close(self) -> None:
        """Accept nobody more; open streams live on."""
        for server in self._servers:
            server.close()  # not wait_closed: from Python 3.12 it waits for the open streams


class _Connection(asyncio.Protocol):
    """One TCP connection: the protocol of asyncio's side and the `Stream` of the handler's.

    An exception of the handler ends this connection, and asyncio reports it; nothing else suffers.
    """

    _transport: asyncio.Transport
    _handler: StreamHandler

    def __init__(self, accept: Callable[[], StreamHandler], remote: Address | None = None) -> None:
        self._accept = accept
        self._dialled = remote
        self._accepted = False
        self._is_lost = False
        self._read_max_bytes = 0

    # --- Stream ---

    @property
    def remote(self) -> Address:
        """The other end."""
        return self._remote

    def write(self, data: bytes) -> None:
        """Queue bytes for the wire; after `close` they are dropped."""
        if not self._transport.is_closing():
            self._transport.write(data)

    def pause_reading(self) -> None:
        """Stop calling `data_received`."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Go on."""
        self._transport.resume_reading()

    def close(self) -> None:
        """Flush what was written, then close; `closed` is called once."""
        self._transport.close()

    def abort(self) -> None:
        """Close at once, dropping what was not flushed; `closed` is called once."""
        if not self._is_lost:  # asyncio's own does not bear it once a flush ended the connection
            self._transport.abort()

    # --- asyncio.Protocol ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        try:
            # Asked here, not by the factory: an exception there would leak the accepted socket.
            self._handler = self._accept()
            self._accepted = True
            self._remote = self._dialled or _address(transport.get_extra_info("peername"))
            transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._read_at_most(READ_MIN_BYTES)
            self._transport.set_write_buffer_limits(WRITE_BUFFER_HIGH_BYTES, WRITE_BUFFER_LOW_BYTES)
            self._handler.connected(self)
        except BaseException:
            self.abort()
            raise

    def data_received(self, data: bytes) -> None:
        began_s = time.monotonic()
        self._handler.data_received(data)  # asyncio itself closes when this raises
        took_s = time.monotonic() - began_s
        if took_s > READ_SLOW_S:
            self._read_at_most(READ_MIN_BYTES)
        elif len(data) == self._read_max_bytes and took_s < READ_QUICK_S:
            self._read_at_most(min(2 * self._read_max_bytes, READ_MAX_BYTES))

    def _read_at_most(self, size_bytes: int) -> None:
        """What one read takes in is worked through in one turn.

        Of 256 KiB, some 3,000 of the smallest records, everybody else waited for 25 ms; of a file
        they are five records, and less than 1 ms.
        """
        if size_bytes != self._read_max_bytes:
            self._read_max_bytes = size_bytes
            self._transport.max_size = size_bytes  # type: ignore[attr-defined]

    def pause_writing(self) -> None:
        self._writable(ready=False)

    def resume_writing(self) -> None:
        self._writable(ready=True)

    def _writable(self, *, ready: bool) -> None:
        try:
            self._handler.writable(ready)
        except BaseException:
            self.abort()
            raise

    def connection_lost(self, _exc: Exception | None) -> None:
        self._is_lost = True
        if self._accepted:
            self._handler.closed()


# --- addresses and sockets ---


def _address(name: _SocketName) -> Address:
    """An `Address` of a socket name; a scoped IPv6 host keeps its scope as %N (RFC 4007, 11)."""
    scope = name[3] if len(name) > 3 else 0
    return Address(f"{name[0]}%{scope}" if scope else str(name[0]), int(name[1]))


async def _resolve(address: Address) -> list[_Resolved]:
    """What getaddrinfo says; a literal needs no thread and no name server.

    Raises:
        OSError, ValueError, OverflowError: no such host, or no text that could name one.
    """
    if not (address.host and 0 <= address.port <= _PORT_MAX):
        raise ValueError("not a host and a port")
    try:
        found = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
        )
    except socket.gaierror:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    return list(
        dict.fromkeys((family, cast("_SocketName", name)) for family, _, _, _, name in found)
    )


async def _local(address: Address) -> list[_Resolved]:
    try:
        return await _resolve(address)
    except (OSError, ValueError, OverflowError) as error:
        raise InvalidAddress(address=str(address)) from error


def _bind_one_port(wanted: list[tuple[Address, _Resolved]]) -> list[socket.socket]:
    """Listening sockets for all, on one port; one taken for a later address is tried again."""
    any_port = any(address.port == 0 for address, _ in wanted)
    for tries_left in range(PORT_TRIES if any_port else 1, 0, -1):
        try:
            return _bind_all(wanted)
        except PortInUse:
            if tries_left == 1:
                raise
    raise InvalidAddress(address="")


def _bind_all(wanted: list[tuple[Address, _Resolved]]) -> list[socket.socket]:
    bound: list[socket.socket] = []
    absent: InvalidAddress | None = None
    chosen_port = 0
    try:
        for address, (family, name) in wanted:
            port = int(name[1]) or chosen_port
            try:
                bound.append(_bind(family, (name[0], port, *name[2:])))
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    raise PortInUse(host=address.host, port=port) from error
                if error.errno in (errno.EACCES, errno.EPERM):
                    raise PortNotAllowed(host=address.host, port=port) from error
                if error.errno not in _NOT_HERE:
                    raise NetworkError from error
                absent = ForeignAddress(address=str(address))
                if address.host not in _WILDCARDS:
                    raise absent from error
            else:
                chosen_port = int(bound[0].getsockname()[1])
        if not bound:
            raise absent or InvalidAddress(address="")
    except BaseException:
        _close_all(bound)
        raise
    return bound


def _bind(family: socket.AddressFamily, name: _SocketName) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        _set_up(sock)
        # Past connections in TIME_WAIT shall not keep the port; a listener of others still does,
        # but on Linux only once it listens, so `listen` belongs to the test (socket(7)).
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(name)
        sock.listen(LISTEN_BACKLOG)
    except BaseException:
        sock.close()
        raise
    return sock


def _set_up(sock: socket.socket) -> None:
    """What a listener hands on to those it accepts, and a dialler needs from its first packet on.

    Each helps only in trouble: a system that lacks an option is none the worse for it.
    """
    # A peer whose address changed, or whose way here is cut, acknowledges nothing. The system's
    # own patience is a quarter of an hour, and the link's ends only when nothing comes for 90 s.
    unanswered = getattr(socket, "TCP_USER_TIMEOUT", None)  # RFC 5482; Linux only
    if unanswered is not None:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, unanswered, TCP_UNANSWERED_MAX_S * 1_000)
    # What the system has not sent yet goes before all that is written later: of a file no more
    # than this, or a text would wait behind megabytes. Linux and macOS.
    not_sent = getattr(socket, "TCP_NOTSENT_LOWAT", None)
    if not_sent is not None:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, not_sent, TCP_NOT_SENT_MAX_BYTES)
    # Every path carries 1,280 bytes (RFC 8200, section 5); larger packets vanish on some, and
    # where the word of it is filtered too, no link would ever come to stand.
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, TCP_SEGMENT_MAX_BYTES)


async def connect(address: Address, timeout_s: float, *, leads_away: bool = False) -> socket.socket:
    """The first of the host's addresses that answers; each gets its share of the time left.

    Args:
        leads_away: none of this machine or its link: a name that somebody told may point there.
    """
    loop = asyncio.get_running_loop()
    ends_at_s = loop.time() + timeout_s
    candidates = await _resolve(address)
    if leads_away:
        candidates = [one for one in candidates if not is_near(str(one[1][0]))]
    failure: OSError = OSError(errno.EHOSTUNREACH, "no address")
    for left, (family, name) in zip(range(len(candidates), 0, -1), candidates, strict=True):
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            _set_up(sock)
            async with asyncio.timeout((ends_at_s - loop.time()) / left):
                await loop.sock_connect(sock, name)
            # A dial to a free port of this machine can meet itself (simultaneous open).
            if sock.getsockname() == sock.getpeername():
                raise ConnectionRefusedError(errno.ECONNREFUSED, "met itself")
            return sock
        except OSError as error:
            sock.close()
            failure = error
        except BaseException:
            sock.close()
            raise
    raise failure


async def hand_over(
    sock: socket.socket, handler: StreamHandler, remote: Address | None = None
) -> None:
    """Give a connected socket to its handler; `remote`: who is behind the proxy it leads to."""
    loop = asyncio.get_running_loop()
    await loop.create_connection(lambda: _Connection(lambda: handler, remote), sock=sock)


def _close_all(sockets: Iterable[socket.socket]) -> None:
    for sock in sockets:
        sock.close()
