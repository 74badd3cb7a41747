"""The three places where two implementations stand behind one interface."""

from collections.abc import Callable
from typing import Protocol

import msgspec

from loom.model import Address


class Clock(Protocol):
    """Time, so that tests can make it jump."""

    def now_ms(self) -> int:
        """Unix time in milliseconds; may jump."""
        ...

    def monotonic_s(self) -> float:
        """Seconds since some start; never goes back."""
        ...


class Stream(Protocol):
    """One connection's way out. `write` never blocks; `StreamHandler.writable` tells pressure."""

    @property
    def remote(self) -> Address:
        """The other end."""
        ...

    def write(self, data: bytes) -> None:
        """Queue bytes for the wire."""
        ...

    def pause_reading(self) -> None:
        """Stop calling `data_received`."""
        ...

    def resume_reading(self) -> None:
        """Go on."""
        ...

    def close(self) -> None:
        """Flush what was written, then close; `closed` is called once."""
        ...

    def abort(self) -> None:
        """Close at once, dropping what was not flushed; `closed` is called once."""
        ...


class StreamHandler(Protocol):
    """What a transport calls, always from the event loop."""

    def connected(self, stream: Stream) -> None:
        """Called once, first."""
        ...

    def data_received(self, data: bytes) -> None:
        """Some bytes, in order."""
        ...

    def writable(self, ready: bool) -> None:
        """False when the send buffer is full, True when it drained."""
        ...

    def closed(self) -> None:
        """Called once, last."""
        ...


class Listener(Protocol):
    """A bound port."""

    @property
    def addresses(self) -> list[Address]:
        """What is bound, with the real port."""
        ...

    async def close(self) -> None:
        """Accept nobody more; open streams live on."""
        ...


class Transport(Protocol):
    """A way to move bytes between two nodes."""

    async def listen(
        self, addresses: list[Address], accept: Callable[[], StreamHandler]
    ) -> Listener:
        """Bind all of `addresses` on one port (port 0: any free one, the same for all).

        A wildcard of a family that this machine lacks is left out, unless nothing else is left.

        Raises:
            PortInUse: taken.
            PortNotAllowed: needs more rights.
            InvalidAddress: not an address, or not one of this machine (ForeignAddress).
        """
        ...

    def is_proxied(self, address: Address) -> bool:
        """Whether a dial there goes through a proxy, which takes longer."""
        ...

    async def dial(
        self,
        address: Address,
        handler: StreamHandler,
        timeout_s: float,
        isolation: bytes | None = None,
    ) -> None:
        """Connect; returns after `handler.connected`.

        Args:
            isolation: dials to one address share a circuit of the proxy where this is the same;
                None: with nothing else.

        Raises:
            Unreachable: refused, no route, or not within the time.
            ProxyNeeded, ProxyUnavailable: it can be reached through a proxy only.
        """
        ...

    async def check_proxy(self) -> None:
        """Return once the proxy answered, or at once where there is none; else ProxyUnavailable."""
        ...


class Advert(msgspec.Struct, frozen=True):
    """One announcement on the LAN: where, and its TXT properties (docs/PROTOCOL.md 7)."""

    port: int
    addresses: tuple[bytes, ...]
    """Packed IPv4 (4 bytes) and IPv6 (16 bytes), sorted."""
    properties: tuple[tuple[bytes, bytes], ...]


Found = Callable[[Advert, tuple[bytes, ...]], None]
"""Takes an advert, and those of its addresses that may be dialled: in the network it came from."""

Lost = Callable[[Advert], None]
"""Takes an advert that was found and is announced no longer."""


class Discovery(Protocol):
    """A way to find addresses."""

    async def start(self, found: Found, lost: Lost | None = None) -> None:
        """Begin to browse; `found` and `lost` are called from the event loop.

        Raises:
            DiscoveryUnavailable: not now; each `announce` tries again.
        """
        ...

    def local_addresses(self) -> tuple[bytes, ...]:
        """The packed addresses that adverts of this node will carry, sorted."""
        ...

    async def announce(self, adverts: list[Advert]) -> None:
        """Replace what is announced; an empty list only browses.

        Raises:
            DiscoveryUnavailable: the network refused; the next call tries again.
        """
        ...

    async def stop(self) -> None:
        """Withdraw and end."""
        ...
