"""Commands about how contacts are reached."""

from loom.addresses import is_onion, parse_host
from loom.api import contact_commands as api
from loom.api import contact_views as views
from loom.api.view import Done
from loom.errors import InvalidAddress, InvalidInput, ProxyNeeded, Unreachable
from loom.model import Address, Direction
from loom.node.commands.anchors import anchor_views
from loom.node.commands.handlers import Handlers
from loom.node.device import Device
from loom.node.network import Network
from loom.node.parts import Parts
from loom.node.reach import reach_of
from loom.node.roster import Roster
from loom.storage import addresses, outbox
from loom.storage.addresses import AddressSource


class NetworkCommands:
    """Connect, and show how contacts are reached."""

    def __init__(self, parts: Parts, roster: Roster, network: Network) -> None:
        self._parts = parts
        self._roster = roster
        self._network = network
        self.handlers: Handlers = {
            api.Connect: self._connect,
            api.ListPeers: self._list_peers,
            api.ShowConnectivity: self._show_connectivity,
        }

    async def _connect(self, command: api.Connect) -> Done:
        device = self._roster.addressable(command.contact)
        if not command.host or not 0 < command.port < 65_536:
            raise InvalidAddress(address=f"{command.host}:{command.port}")
        address = Address(parse_host(command.host), command.port)
        if is_onion(address.host) and not self._network.proxy:
            raise ProxyNeeded(address=str(address))
        await device.book.remember([address], AddressSource.HAND)
        if not self._network.is_online:
            return Done()
        if not self._network.is_visible:
            raise InvalidInput(what="While you are invisible nobody is connected to you")
        if device.connection is None or device.connection.remote != address:
            try:
                await self._network.caller.call(device, address)
            except Unreachable:
                if device.dialer is not None:
                    device.dialer.heard()  # it may have had no address before
                self._network.former.address_known(device)
                raise
            if device.connection is None:
                raise Unreachable(address=str(address))  # it ended at once
        return Done()

    async def _list_peers(self, command: api.ListPeers) -> views.Peers:
        known, put = await self._parts.database.read(
            lambda db: (
                {
                    number: addresses.of_device(db, device.device_id)
                    for number, device in self._roster.items()
                },
                outbox.in_mailboxes(db),
            )
        )
        return views.Peers(
            peers=[
                _peer_view(
                    device,
                    known=[str(one.address) for one in known.get(number, [])],
                    reach=reach_of(device, put.get(device.device_id)),
                )
                for number, device in sorted(self._roster.items())
            ]
        )

    async def _show_connectivity(self, command: api.ShowConnectivity) -> views.Connectivity:
        roster, network = self._roster, self._network
        known, queued, put = await self._parts.database.read(
            lambda db: (
                {
                    number: len(addresses.of_device(db, device.device_id))
                    for number, device in roster.items()
                },
                outbox.counts(db),
                outbox.in_mailboxes(db),
            )
        )
        return views.Connectivity(
            mdns=network.mdns,
            proxy=network.proxy,
            proxy_state=network.proxy_state,
            addresses=network.addresses,
            refused=network.link_listener.refused,
            paths=[
                _path_view(
                    device,
                    proxied=network.reached_by_proxy(device),
                    known=known.get(number, 0),
                    queued=queued.get(device.conversation_id, 0),
                    reach=reach_of(device, put.get(device.device_id)),
                )
                for number, device in sorted(roster.items())
            ],
            anchors=await anchor_views(network.anchors),
        )


def _peer_view(device: Device, *, known: list[str], reach: views.ReachView) -> views.PeerView:
    return views.PeerView(
        contact=device.person.name,
        contact_id=device.number,
        online=reach.is_online,
        address=None if device.connection is None else str(device.connection.remote),
        direction=_direction(device),
        connected_at_ms=device.connected_at_ms,
        known_addresses=known,
        last_error=device.last_error,
        reach=reach,
    )


def _path_view(
    device: Device, *, proxied: bool, known: int, queued: int, reach: views.ReachView
) -> views.PathView:
    dialer = None if device.connection is not None else device.dialer
    return views.PathView(
        contact=device.person.name,
        contact_id=device.number,
        online=reach.is_online,
        address=None if device.connection is None else str(device.connection.remote),
        direction=_direction(device),
        connected_at_ms=device.connected_at_ms,
        proxied=proxied,
        known_addresses=known,
        last_error=device.last_error,
        failed_attempts=0 if dialer is None else dialer.failed_attempts,
        next_dial_at_ms=None if dialer is None else dialer.next_at_ms,
        queued=queued,
        arriving=device.inbox.waiting,
        dropped=device.inbox.dropped,
        changes=device.paths.changes,
        reach=reach,
    )


def _direction(device: Device) -> str | None:
    if device.connection is None:
        return None
    return Direction.OUT.value if device.connection.dialled else Direction.IN.value
