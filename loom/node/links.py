"""Who may connect and whom one dials: the gate, the limits, and the owner of each connection."""

import asyncio
import ipaddress
import logging
from collections import deque
from collections.abc import Callable

from loom.core.gate import Gate, GateEntry
from loom.core.link import Link
from loom.core.link_ends import LinkInitiator, LinkResponder
from loom.core.link_events import CloseReason, LinkAuthenticated, RecordReceived
from loom.errors import LoomError, Unreachable
from loom.model import Address, ContactId, PeerId
from loom.node.connection import Connection
from loom.node.parts import Parts
from loom.node.peer import Peer
from loom.ports import Stream, StreamHandler, Transport
from loom.storage import link_rands
from loom.wire.limits import (
    LINK_DAY_SKEW_DAYS,
    LINK_HANDSHAKE_TIMEOUT_S,
    LINK_RAND_BYTES,
    LINKS_PER_MINUTE_MAX,
    UNAUTHENTICATED_MAX,
    UNAUTHENTICATED_PER_SOURCE_MAX,
)

log = logging.getLogger(__name__)

DAY_S = 86_400
DIALS_AT_ONCE = 64
"""Of contacts that are looked for, and as many again of contacts that announced an address."""


class Links:
    """Owns every connection of a node until it is closed."""

    def __init__(
        self, parts: Parts, transport: Transport, find: Callable[[ContactId], Peer | None]
    ) -> None:
        self._parts = parts
        self._transport = transport
        self._find = find
        self._gate_entries: tuple[GateEntry, ...] = ()
        self._used_rands: dict[tuple[PeerId, bytes], int] = {}
        """Each with its day."""
        self._came_s: dict[PeerId, deque[float]] = {}
        self._unconfirmed: dict[Connection, str] = {}
        """Incoming and not yet confirmed, oldest first, with their source."""
        self._peers: dict[Connection, Peer] = {}
        self._confirmed: set[Connection] = set()
        self._dialled: dict[Connection, asyncio.Future[None]] = {}
        self._slots = asyncio.Semaphore(DIALS_AT_ONCE)
        self._urgent_slots = asyncio.Semaphore(DIALS_AT_ONCE)
        self._stopping = False
        self.refused = 0
        """Connections that did not get through the gate."""

    async def load(self) -> None:
        """Read what must be refused when it comes again."""
        since = self._today() - LINK_DAY_SKEW_DAYS - 1
        found = await self._parts.database.read(lambda db: link_rands.load(db, since))
        self._used_rands = {(peer_id, rand): day for peer_id, day, rand in found}

    def prune(self) -> None:
        """Forget what the day alone refuses."""
        since = self._today() - LINK_DAY_SKEW_DAYS
        self._used_rands = {key: day for key, day in self._used_rands.items() if day >= since}

    def admit(self, peers: list[Peer]) -> None:
        """From now on exactly these may dial us."""
        # Whoever stands before the gate now was measured by the old list.
        for connection in list(self._unconfirmed):
            self._turn_away(connection)
        self._gate_entries = tuple(GateEntry(peer.number, peer.keys.receiving) for peer in peers)

    def accept(self) -> StreamHandler:
        """The handler of an incoming stream."""
        return _Incoming(self, self._parts, self._respond)

    def forget(self, peer: Peer) -> None:
        """End everything of a contact who is no longer, or no longer the same."""
        for connection in [one for one, owner in self._peers.items() if owner is peer]:
            connection.abort()

    async def dial_in_turn(self, peer: Peer, address: Address, *, urgent: bool) -> None:
        """The same as `dial`, when fewer than so many others wait for an answer."""
        async with self._urgent_slots if urgent else self._slots:
            await self.dial(peer, address)

    async def dial(self, peer: Peer, address: Address) -> None:
        """Return once a link with the contact is confirmed at this address.

        Raises:
            Unreachable: nobody answered as this contact.
        """
        if self._stopping or self._find(peer.number) is not peer:
            raise Unreachable(address=str(address))
        confirmed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        connection = Connection(self, self._parts.clock, lambda: self._initiate(peer), dialled=True)
        self._dialled[connection] = confirmed
        self._peers[connection] = peer
        try:
            await self._transport.dial(address, connection, LINK_HANDSHAKE_TIMEOUT_S)
            async with asyncio.timeout(LINK_HANDSHAKE_TIMEOUT_S + 1.0):
                await confirmed
        except (TimeoutError, LoomError) as error:
            connection.abort()
            raise Unreachable(address=str(address)) from error
        except asyncio.CancelledError:
            connection.abort()
            raise
        finally:
            del self._dialled[connection]
            if connection not in self._confirmed:
                self._peers.pop(connection, None)
        await peer.book.mark_ok(address)

    def stop(self) -> None:
        """Accept and dial no more; end everything that is not yet confirmed."""
        self._stopping = True
        for connection in (*self._unconfirmed, *self._dialled):
            connection.abort()

    # --- Owner ---

    def authenticated(self, connection: Connection, event: LinkAuthenticated) -> None:
        """Remember `rand` on disk, then answer."""
        peer = self._find(event.contact_id)
        if peer is None or not self._may_come(peer):
            connection.abort()
            return
        self._peers[connection] = peer
        self._used_rands[peer.contact.peer_id, event.rand] = event.day
        peer.spawn(self._remember(connection, peer, event), "link")

    def confirmed(self, connection: Connection) -> None:
        """The contact is there."""
        self._unconfirmed.pop(connection, None)
        peer = self._peers.get(connection)
        if peer is None or self._find(peer.number) is not peer or self._stopping:
            connection.abort()
            return
        self._confirmed.add(connection)
        waiting = self._dialled.get(connection)
        if waiting is not None and not waiting.done():
            waiting.set_result(None)
        peer.link_confirmed(connection)

    def records_received(self, connection: Connection, records: list[RecordReceived]) -> None:
        """Pass on to the contact."""
        peer = self._peers.get(connection)
        if peer is not None and connection in self._confirmed:
            peer.records_received(connection, records)

    def writable_again(self, connection: Connection) -> None:
        """Pass on to the contact."""
        peer = self._peers.get(connection)
        if peer is not None and peer.connection is connection:
            peer.outbox.wake()

    def connection_closed(self, connection: Connection, reason: CloseReason | None) -> None:
        """Forget it."""
        self._unconfirmed.pop(connection, None)
        if reason is CloseReason.REFUSED:
            self.refused += 1
        waiting = self._dialled.get(connection)
        if waiting is not None and not waiting.done():
            waiting.set_exception(Unreachable(address=""))
        peer = self._peers.pop(connection, None)
        if peer is not None and connection in self._confirmed:
            self._confirmed.discard(connection)
            peer.link_closed(connection, reason)

    # --- inside ---

    def arrived(self, connection: Connection, source: str) -> bool:
        """Make room for a new incoming connection: the oldest unauthenticated one goes."""
        if self._stopping:
            return False
        # Whoever proved a link key is no stranger: a crowd must not push contacts out while `rand`
        # goes to the disk and the confirmation travels. `_may_come` limits how many they are.
        strangers = {one: at for one, at in self._unconfirmed.items() if one not in self._peers}
        same = [one for one, at in strangers.items() if at == source]
        if len(same) >= UNAUTHENTICATED_PER_SOURCE_MAX:
            self._turn_away(same[0])
        elif len(strangers) >= UNAUTHENTICATED_MAX:
            self._turn_away(next(iter(strangers)))
        self._unconfirmed[connection] = source
        return True

    def _turn_away(self, connection: Connection) -> None:
        # It leaves its place at once: many may arrive before the transport says it is closed.
        self._unconfirmed.pop(connection, None)
        connection.abort()

    def _may_come(self, peer: Peer) -> bool:
        """A contact may begin so many links a minute; each costs a write."""
        now_s = self._parts.clock.monotonic_s()
        times = self._came_s.setdefault(peer.contact.peer_id, deque(maxlen=LINKS_PER_MINUTE_MAX))
        if len(times) == times.maxlen and now_s - times[0] < 60.0:
            return False
        times.append(now_s)
        return True

    async def _remember(self, connection: Connection, peer: Peer, event: LinkAuthenticated) -> None:
        try:
            is_new = await self._parts.database.write(
                lambda db: link_rands.add(db, peer.contact.peer_id, event.day, event.rand)
            )
        except LoomError as error:
            log.warning("contact %d: link refused: %s", peer.number, error.code)
            connection.abort()
            return
        if is_new:
            connection.accept()
        else:
            connection.abort()

    def _respond(self) -> Link:
        gate = Gate(self._gate_entries, self._today(), self._is_used)
        return LinkResponder(
            gate, ephemeral_seed=self._parts.random(32), now_s=self._parts.clock.monotonic_s()
        )

    def _initiate(self, peer: Peer) -> Link:
        random = self._parts.random
        return LinkInitiator(
            peer.keys.sending,
            rand=random(LINK_RAND_BYTES),
            day=self._today(),
            ephemeral_seed=random(32),
            kem_seed=random(64),
            now_s=self._parts.clock.monotonic_s(),
        )

    def _is_used(self, contact_id: ContactId, rand: bytes) -> bool:
        peer = self._find(contact_id)
        return peer is None or (peer.contact.peer_id, rand) in self._used_rands

    def _today(self) -> int:
        return self._parts.now_s() // DAY_S


class _Incoming(Connection):
    """A connection that must find room before its link begins."""

    def __init__(self, links: Links, parts: Parts, make_link: Callable[[], Link]) -> None:
        super().__init__(links, parts.clock, make_link, dialled=False)
        self._links = links

    def connected(self, stream: Stream) -> None:
        """Take a place among the unauthenticated, or none."""
        super().connected(stream)
        if not self._links.arrived(self, source_of(stream.remote)):
            stream.abort()


def source_of(address: Address) -> str:
    """What connections are counted by: an IPv4 address, or an IPv6 /64."""
    host = address.host.split("%", 1)[0]
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return str(ip.ipv4_mapped)
        return str(ipaddress.ip_network((ip, 64), strict=False))
    return str(ip)
