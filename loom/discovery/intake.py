"""The filter between the mDNS sockets and zeroconf: limits what strangers make it work on."""

import asyncio
from collections.abc import Callable, Iterable
from ipaddress import IPv6Address, ip_address
from typing import Final, cast

from loom.discovery.interfaces import Interfaces, Ip

RESPONSE_MAX_BYTES: Final = 4_096
"""Almost twice the largest advert; zeroconf caches up to 10,000 records."""
RESPONSES_PER_S: Final = 500
"""Each costs the parser about 0.1 ms; the rest are dropped."""

_IS_RESPONSE: Final = 0x80
"""The QR bit in the third byte (RFC 1035, section 4.1.1)."""
_SocketName = tuple[str, int] | tuple[str, int, int, int]


class Intake:
    """Passes on responses that are small, not too many, and from a network of this machine."""

    def __init__(self, monotonic_s: Callable[[], float]) -> None:
        self.interfaces = Interfaces()
        """None at first; to be set, and set again when they may have changed."""
        self.source: tuple[Ip, int] | None = None
        """Sender of the response that is being processed: address and IPv6 scope."""
        self._monotonic_s = monotonic_s
        self._second = 0
        self._in_this_second = 0

    def guard(self, transports: Iterable[asyncio.DatagramTransport]) -> None:
        """Receive first on each of a Zeroconf's transports."""
        for transport in transports:
            inner = cast("asyncio.DatagramProtocol", transport.get_protocol())
            if not isinstance(inner, _Guarded):
                transport.set_protocol(_Guarded(self, inner))

    def admits(self, data: bytes, source: Ip, scope: int) -> bool:
        """Whether a response may be parsed."""
        if len(data) > RESPONSE_MAX_BYTES or not self.interfaces.reach(source, scope):
            return False
        second = int(self._monotonic_s())
        if second != self._second:
            self._second, self._in_this_second = second, 0
        self._in_this_second += 1
        return self._in_this_second <= RESPONSES_PER_S


class _Guarded(asyncio.DatagramProtocol):
    """The protocol of one transport: zeroconf's own behind the intake."""

    def __init__(self, intake: Intake, inner: asyncio.DatagramProtocol) -> None:
        self._intake = intake
        self._inner = inner

    def datagram_received(self, data: bytes, addr: _SocketName) -> None:
        is_response = len(data) > 2 and data[2] & _IS_RESPONSE
        source, scope = _source(addr)
        if is_response and not self._intake.admits(data, source, scope):
            return
        self._intake.source = source, scope
        try:
            self._inner.datagram_received(data, addr)
        finally:
            self._intake.source = None

    def error_received(self, exc: Exception) -> None:
        self._inner.error_received(exc)

    def connection_lost(self, exc: Exception | None) -> None:
        self._inner.connection_lost(exc)


def _source(addr: _SocketName) -> tuple[Ip, int]:
    """Address and scope; an IPv4 address on a socket of both families comes mapped."""
    ip = ip_address(addr[0].partition("%")[0])
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped is not None:
        return ip.ipv4_mapped, 0
    return ip, addr[3] if len(addr) == 4 else 0
