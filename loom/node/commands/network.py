"""Commands about the node and how contacts are reached."""

import asyncio
from typing import TYPE_CHECKING

from loom.api import commands as api
from loom.api import views
from loom.core.identity import Identity, seeds_from_phrase
from loom.errors import (
    ContactBlocked,
    IdentityChanged,
    InvalidAddress,
    InvalidInput,
    InvalidPhrase,
    Unreachable,
)
from loom.model import Address, Direction
from loom.node.commands.handlers import Handlers
from loom.node.device import Device
from loom.node.diagnosis import diagnose
from loom.node.log_tail import LINES_MAX, tail
from loom.storage import addresses, outbox
from loom.storage.addresses import AddressSource

if TYPE_CHECKING:
    from loom.node.node import Node


class NetworkCommands:
    """Connect, look, stop."""

    def __init__(self, node: "Node") -> None:
        self._node = node
        self._parts = node.parts
        self.handlers: Handlers = {
            api.Connect: self._connect,
            api.ListPeers: self._list_peers,
            api.ShowConnectivity: self._show_connectivity,
            api.ReadLog: self._read_log,
            api.Status: self._status,
            api.Diagnose: self._diagnose,
            api.CheckPhrase: self._check_phrase,
            api.Stop: self._stop,
        }

    async def _connect(self, command: api.Connect) -> views.Done:
        peer = self._node.roster.named(command.contact)
        if peer.contact.blocked:
            raise ContactBlocked(name=peer.contact.name)
        if peer.contact.identity_changed:
            raise IdentityChanged(name=peer.contact.name)
        if not command.host or not 0 < command.port < 65_536:
            raise InvalidAddress(address=f"{command.host}:{command.port}")
        address = Address(command.host, command.port)
        await peer.book.remember([address], AddressSource.HAND)
        if not self._node.is_online:
            return views.Done()
        if peer.connection is None or peer.connection.remote != address:
            try:
                await self._node.caller.call(peer, address)
            except Unreachable:
                if peer.dialer is not None:
                    peer.dialer.heard()  # it may have had no address before
                raise
            if peer.connection is None:
                raise Unreachable(address=str(address))  # it ended at once
        return views.Done()

    async def _list_peers(self, command: api.ListPeers) -> views.Peers:
        known = await self._parts.database.read(
            lambda db: {number: addresses.of_contact(db, number) for number in self._node.roster}
        )
        return views.Peers(
            peers=[
                views.PeerView(
                    contact=peer.contact.name,
                    contact_id=number,
                    online=peer.connection is not None,
                    address=None if peer.connection is None else str(peer.connection.remote),
                    direction=_direction(peer),
                    connected_at_ms=peer.connected_at_ms,
                    known_addresses=[str(one.address) for one in known.get(number, [])],
                    last_error=peer.last_error,
                )
                for number, peer in sorted(self._node.roster.items())
            ]
        )

    async def _show_connectivity(self, command: api.ShowConnectivity) -> views.Connectivity:
        node = self._node
        known, queued = await self._parts.database.read(
            lambda db: (
                {number: len(addresses.of_contact(db, number)) for number in node.roster},
                outbox.counts(db),
            )
        )
        return views.Connectivity(
            mdns="off" if node.announcer is None else node.announcer.state,
            addresses=node.addresses,
            refused=node.link_listener.refused,
            paths=[
                _path_view(peer, known=known.get(number, 0), queued=queued.get(number, 0))
                for number, peer in sorted(node.roster.items())
            ],
        )

    async def _read_log(self, command: api.ReadLog) -> views.LogLines:
        if command.lines < 1:
            raise InvalidInput(what="The number of lines must be at least 1")
        lines = min(command.lines, LINES_MAX)
        return views.LogLines(lines=await asyncio.to_thread(tail, self._node.paths.log, lines))

    async def _status(self, command: api.Status) -> views.StatusView:
        return await self._node.status()

    async def _diagnose(self, command: api.Diagnose) -> views.Diagnosis:
        return await diagnose(self._node, self._node.paths.folder)

    async def _check_phrase(self, command: api.CheckPhrase) -> views.Done:
        found = Identity(seeds_from_phrase(command.phrase))
        if found.peer_id != self._parts.identity.peer_id:
            raise InvalidPhrase(reason="they are another identity's")
        return views.Done()

    async def _stop(self, command: api.Stop) -> views.Done:
        self._node.wants_stop.set()
        return views.Done()


def _path_view(peer: Device, *, known: int, queued: int) -> views.PathView:
    dialer = None if peer.connection is not None else peer.dialer
    return views.PathView(
        contact=peer.contact.name,
        contact_id=peer.number,
        online=peer.connection is not None,
        address=None if peer.connection is None else str(peer.connection.remote),
        direction=_direction(peer),
        connected_at_ms=peer.connected_at_ms,
        known_addresses=known,
        last_error=peer.last_error,
        failed_attempts=0 if dialer is None else dialer.failed_attempts,
        next_dial_at_ms=None if dialer is None else dialer.next_at_ms,
        queued=queued,
        arriving=peer.inbox.waiting,
        dropped=peer.inbox.dropped,
        changes=peer.paths.changes,
    )


def _direction(peer: Device) -> str | None:
    if peer.connection is None:
        return None
    return Direction.OUT.value if peer.connection.dialled else Direction.IN.value
