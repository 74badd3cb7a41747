"""Who may connect: the gate, and the limits of docs/PROTOCOL.md 3.6."""

import ipaddress
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, Protocol

from loom.core.gate import Admits, GateEntry
from loom.core.link import Link
from loom.core.link_ends import PROMPT, PROXIED, LinkResponder
from loom.core.link_events import CloseReason, LinkAuthenticated
from loom.errors import LoomError
from loom.links.direct import DirectLink
from loom.model import Address
from loom.ports import Clock, Stream, StreamHandler
from loom.storage import link_rands
from loom.storage.database import Database
from loom.wire.limits import (
    LINK_DAY_SKEW_DAYS,
    LINKS_PER_MINUTE_MAX,
    UNAUTHENTICATED_MAX,
    UNAUTHENTICATED_PER_SOURCE_MAX,
)

log = logging.getLogger(__name__)

ANY_IPV4: Final = "0.0.0.0"  # noqa: S104 - the product listens on the LAN
ANY_IPV6: Final = "::"


class Admitted(Protocol):
    """A contact who may connect, an invite that somebody may connect with, a key of an anchor."""

    @property
    def gate_entry(self) -> GateEntry:
        """What the gate tests."""
        ...

    @property
    def rand_owner(self) -> bytes:
        """32 bytes under which the `rand` of each opening is stored: a contact's identity, say."""
        ...

    def take_link(self, link: DirectLink) -> bool:
        """Own a confirmed link; False: none is taken any more."""
        ...

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> object:
        """Run a task that ends with the contact or invite."""
        ...


class LinkListener:
    """Answers incoming connections; owns them until they are confirmed.

    What extends it says who may connect: `_admitted`, and the gate that tests them.

    Args:
        today: the day's number in UTC.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        random: Callable[[int], bytes],
        today: Callable[[], int],
    ) -> None:
        self._database = database
        self._clock = clock
        self._random = random
        self._today = today
        self._admitted: dict[GateEntry, Admitted] = {}
        self._used_rands: dict[tuple[bytes, bytes], int] = {}
        """Each with its day."""
        self._begun_s: dict[bytes, deque[float]] = {}
        """When links were lately begun with each."""
        self._unconfirmed: dict[DirectLink, str] = {}
        """Oldest first, with their source."""
        self._authenticated: dict[DirectLink, Admitted] = {}
        """Those of them whose contact or invite is known."""
        self._is_stopping = False
        self.refused = 0
        """Connections that did not get through the gate."""

    async def load(self) -> None:
        """Read which openings must be refused when they come again."""
        since = self._today() - LINK_DAY_SKEW_DAYS - 1
        found = await self._database.read(lambda db: link_rands.load(db, since))
        self._used_rands = {(owner, rand): day for owner, day, rand in found}

    def prune(self) -> None:
        """Forget openings that their day alone makes invalid."""
        since = self._today() - LINK_DAY_SKEW_DAYS
        self._used_rands = {key: day for key, day in self._used_rands.items() if day >= since}

    def turn_away(self) -> None:
        """Close what is not confirmed yet: it was compared with those who could connect before."""
        for link in list(self._unconfirmed):
            self._turn_away(link)

    def accept(self) -> StreamHandler:
        """The handler of an incoming stream."""
        return _Incoming(self, self._clock)

    def stop(self) -> None:
        """Accept no more; end everything that is not yet confirmed."""
        self._is_stopping = True
        for link in list(self._unconfirmed):
            link.abort()

    # --- Opening ---

    def authenticated(self, link: DirectLink, event: LinkAuthenticated) -> None:
        """Store `rand`, then answer."""
        admitted = self._admitted.get(event.entry)
        if admitted is None or not self._may_begin(admitted):
            link.abort()
            return
        self._authenticated[link] = admitted
        self._used_rands[admitted.rand_owner, event.rand] = event.day
        admitted.spawn(self._remember(link, admitted, event), "link")

    def confirmed(self, link: DirectLink) -> None:
        """Hand it over to the contact or invite, which may have been removed meanwhile."""
        self._unconfirmed.pop(link, None)
        admitted = self._authenticated.pop(link, None)
        if self._is_stopping or admitted is None or not admitted.take_link(link):
            link.abort()

    def closed(self, link: DirectLink, reason: CloseReason | None) -> None:
        """Forget it."""
        self._unconfirmed.pop(link, None)
        self._authenticated.pop(link, None)
        if reason is CloseReason.REFUSED:
            self.refused += 1

    # --- inside ---

    def _gate(self) -> Admits:
        """Tests all of `_admitted` as they are now."""
        raise NotImplementedError

    def arrived(self, link: DirectLink, source: str) -> bool:
        """Make room for a new incoming link by evicting the oldest that is not authenticated."""
        if self._is_stopping:
            return False
        # Links of contacts do not count, or a crowd would evict them while `rand` is written
        # to the disk and the confirmation is on its way. `_may_begin` limits their number.
        strangers = {
            one: at for one, at in self._unconfirmed.items() if one not in self._authenticated
        }
        same = [one for one, at in strangers.items() if at == source]
        # Behind an onion service everybody comes from loopback.
        if len(same) >= UNAUTHENTICATED_PER_SOURCE_MAX and not _is_local(source):
            self._turn_away(same[0])
        elif len(strangers) >= UNAUTHENTICATED_MAX:
            self._turn_away(next(iter(strangers)))
        self._unconfirmed[link] = source
        return True

    def _turn_away(self, link: DirectLink) -> None:
        # It gives up its place at once: many may arrive before the transport says it is closed.
        self._unconfirmed.pop(link, None)
        self._authenticated.pop(link, None)
        link.abort()

    def _may_begin(self, admitted: Admitted) -> bool:
        """Limits how many links are begun a minute with each; every one costs a write."""
        now_s = self._clock.monotonic_s()
        times = self._begun_s.setdefault(admitted.rand_owner, deque(maxlen=LINKS_PER_MINUTE_MAX))
        if len(times) == times.maxlen and now_s - times[0] < 60.0:
            return False
        times.append(now_s)
        return True

    async def _remember(
        self, link: DirectLink, admitted: Admitted, event: LinkAuthenticated
    ) -> None:
        try:
            is_new = await self._database.write(
                lambda db: link_rands.add(db, admitted.rand_owner, event.day, event.rand)
            )
        except LoomError as error:
            log.warning("%r: link refused: %s", event.entry, error.code)
            link.abort()
            return
        if is_new:
            link.accept()
        else:
            link.abort()

    def respond(self, source: str) -> Link:
        """A link with whoever dialled; an onion service, which is slow, comes from loopback."""
        return LinkResponder(
            self._gate(),
            ephemeral_seed=self._random(32),
            now_s=self._clock.monotonic_s(),
            times=PROXIED if _is_local(source) else PROMPT,
        )

    def _is_used(self, entry: GateEntry, rand: bytes) -> bool:
        admitted = self._admitted.get(entry)
        return admitted is None or (admitted.rand_owner, rand) in self._used_rands


class _Incoming(DirectLink):
    """A link that needs a place before it begins."""

    def __init__(self, listener: LinkListener, clock: Clock) -> None:
        super().__init__(listener, clock, lambda: listener.respond(self._source), dialled=False)
        self._listener = listener
        self._source = ""

    def connected(self, stream: Stream) -> None:
        """Take a place among the unconfirmed, or none."""
        self._source = source_of(stream.remote)
        super().connected(stream)
        if not self._listener.arrived(self, self._source):
            stream.abort()


def _is_local(source: str) -> bool:
    """Whether a source is this machine."""
    return source == "::/64" or source.startswith("127.")


def source_of(address: Address) -> str:
    """What connections are counted by: an IPv4 address, or an IPv6 /64."""
    host = address.host.split("%", 1)[0]
    if ":" not in host:
        return host
    ip = ipaddress.IPv6Address(host)
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return str(ipaddress.ip_network((ip, 64), strict=False))


def anywhere(port: int) -> list[Address]:
    """Where to listen so that every network of this machine reaches the port."""
    return [Address(ANY_IPV4, port), Address(ANY_IPV6, port)]


def reaches(bound: Sequence[Address], packed: bytes) -> bool:
    """Whether an address of this machine leads to what is bound."""
    ip = ipaddress.ip_address(packed)
    wildcard = ANY_IPV4 if ip.version == 4 else ANY_IPV6
    return any(one.host in (str(ip), wildcard) for one in bound)
