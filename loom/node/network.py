"""How a node meets the network: the port it listens on, who may connect, whom it dials."""

import asyncio
import ipaddress
import logging
from functools import partial
from typing import Final

from loom.addresses import is_loopback, told_address_allowed
from loom.api.events import Warned
from loom.api.profiles import NodeOptions
from loom.errors import LoomError, PortInUse, PortMoved, ProxyUnavailable
from loom.links.listener import anywhere, reaches
from loom.model import Address, DeviceId
from loom.node.acquaintances import Acquaintances
from loom.node.anchors.anchors import Anchors
from loom.node.contact_listener import ContactListener
from loom.node.device import Device
from loom.node.identity.former import FormerDoors
from loom.node.introduction import tell_device
from loom.node.invites.joining import Joins
from loom.node.invites.mail import InviteMail
from loom.node.invites.own import OwnInvites
from loom.node.parts import Parts
from loom.node.presence import Announcer
from loom.node.proxy_watch import ProxyWatch
from loom.node.roster import Roster
from loom.node.routes.caller import Caller
from loom.node.routes.dialer import Dialer
from loom.ports import Discovery, Listener, Transport
from loom.storage import outbox, receipts, settings
from loom.storage.connection import Db

log = logging.getLogger(__name__)

DAY_S: Final = 86_400
OWED_LOOK_S: Final = 60.0


class Network:
    """Nothing of it is used while the node is offline."""

    def __init__(
        self,
        parts: Parts,
        roster: Roster,
        invites: OwnInvites,
        invite_mail: InviteMail,
        former: FormerDoors,
        transport: Transport,
        discovery: Discovery,
        options: NodeOptions,
    ) -> None:
        self.caller = Caller(transport, parts.clock, parts.random, self._today)
        self.link_listener = ContactListener(parts.database, parts.clock, parts.random, self._today)
        self.joins = Joins(parts, self.caller)
        self.joins.on_answered = self._join_answered
        self.acquaintances = Acquaintances(
            parts, roster, self.tellable, self.may_dial, self._begin_dialling
        )
        self.anchors = Anchors(
            parts,
            roster,
            self.caller,
            self.may_dial,
            self.joins,
            self.acquaintances,
            invite_mail,
        )
        self.announcer: Announcer | None = None
        self.has_fallen_back = False
        """The remembered port was taken."""
        self.is_online = options.online
        """Whether this node meets the network at all."""
        self._parts = parts
        self._roster = roster
        self._invites = invites
        self.former = former
        former.caller = self.caller
        self._transport = transport
        self._discovery = discovery
        self._options = options
        self._listener: Listener | None = None
        self._proxy_watch: ProxyWatch | None = None

    async def start(self) -> None:
        """Listen, dial, announce.

        Raises:
            PortInUse, InvalidAddress: the explicit address cannot be bound.
        """
        await self.link_listener.load()
        await self._listen()
        if self._options.proxy is not None:
            self._proxy_watch = ProxyWatch(self._parts, self._transport, self._dial_again)
            self._proxy_watch.start()
        self._roster.on_changed = self._contacts_changed
        self._invites.on_doors_changed = self._admit
        self.former.on_changed = self._contacts_changed
        self._invites.on_changed = self.anchors.invites_changed
        await self.acquaintances.look_again()
        for device in self._roster.everyone():
            self.former.open_for(device)
        self._contacts_changed()
        for device in self._roster.everyone():
            self._begin(device)
            device.mailer.link_down()
        await self.anchors.start()
        self._roster.on_added = self._added
        self._roster.on_dropped = self._dropped
        self._roster.on_renewed = self._renewed
        self.acquaintances.start()
        await self._announce()

    @property
    def is_visible(self) -> bool:
        """Whether contacts may see that this node is here."""
        return not self._parts.profile.value.invisible

    async def visibility_changed(self) -> None:
        """End or begin adverts, links and dialling; every device begins again."""
        if self._listener is None:
            return
        if self.announcer is not None:
            await self.announcer.stop()
            self.announcer = None
        self._admit()
        for device in self._roster.everyone():
            await self._roster.drop(device)
            self._roster.add(device.contact)
        self._contacts_changed()
        await self._announce()

    def refuse_new(self) -> None:
        """Neither accept nor dial links from now on."""
        self.link_listener.stop()
        self.caller.stop()

    async def stop(self) -> None:
        """Withdraw what was announced and free the port; links are their devices' to end."""
        await self.acquaintances.stop()
        await self.anchors.stop()
        if self.announcer is not None:
            await self.announcer.stop()
        if self._proxy_watch is not None:
            await self._proxy_watch.stop()
        if self._listener is not None:
            await self._listener.close()

    @property
    def port(self) -> int:
        """The bound port; 0 when offline."""
        return self._listener.addresses[0].port if self._listener is not None else 0

    @property
    def addresses(self) -> list[str]:
        """What is bound."""
        return [] if self._listener is None else [str(one) for one in self._listener.addresses]

    def reachable(self) -> list[Address]:
        """Where others may reach the listener, as far as this machine knows."""
        if self._listener is None:
            return []
        bound = self._listener.addresses
        wildcards = {one.host for one in anywhere(0)}
        found = [one for one in bound if one.host not in wildcards]
        found += [
            Address(str(ipaddress.ip_address(packed)), self.port)
            for packed in self._discovery.local_addresses()
            if self._listens_on(packed)
        ]
        return list(dict.fromkeys(found))

    def tellable(self) -> list[Address]:
        """What of `reachable` others may be told: with a proxy nothing, as it is to hide it."""
        return [] if self.proxy else self.reachable()

    def may_dial(self, told: Address) -> bool:
        """Whether an address that somebody else told is dialled (docs/PROTOCOL.md 3.7)."""
        own = self.reachable()
        if not self.proxy and self._is_confined and is_loopback(told.host):
            return told not in own
        return told_address_allowed(told, own, proxied=bool(self.proxy))

    @property
    def mdns(self) -> str:
        """The announcer's state: on, off or failed."""
        return "off" if self.announcer is None else self.announcer.state

    @property
    def proxy(self) -> str:
        """The proxy that is in use, as the config file writes it; empty: none."""
        return "" if self._options.proxy is None else f"socks5://{self._options.proxy}"

    @property
    def proxy_state(self) -> str:
        """Off, or what `ProxyWatch` found out."""
        return "off" if self._proxy_watch is None else self._proxy_watch.state

    def reached_by_proxy(self, device: Device) -> bool:
        """Whether the contact's link was dialled through the proxy."""
        link = device.connection
        if link is None or link.remote is None or not link.dialled:
            return False
        return self._transport.is_proxied(link.remote)

    async def check_proxy(self) -> None:
        """See `Transport.check_proxy`."""
        await self._transport.check_proxy()

    # --- inside ---

    async def _announce(self) -> None:
        if self._options.mdns and self.is_visible:
            self.announcer = Announcer(
                self._parts,
                self._discovery,
                self.port,
                self._roster.welcome,
                lambda: [*self._roster.listened_for(), *self.former.sought],
                self._listens_on,
                self._dial_again,
            )
            await self.announcer.start()

    def _contacts_changed(self) -> None:
        """Gate and adverts follow the contacts."""
        self._admit()
        if self.announcer is not None:
            self.announcer.contacts_changed()

    def _admit(self) -> None:
        if self.is_visible:
            self.link_listener.admit(
                [*self._roster.admitted(), *self.former.doors, *self._invites.doors]
            )
        else:
            self.link_listener.admit([])

    def _dropped(self, device: Device) -> None:
        self.former.close_for(device)
        self.anchors.forget(device)

    def _renewed(self, before: Device, after: Device) -> None:
        self.former.close_for(before)
        if after.person.is_acquaintance:
            self.anchors.forget(before)
            self.anchors.look_after(after)
        else:
            self.anchors.renew(before, after)
        self.former.open_for(after)
        self._begin(after)

    def _added(self, device: Device) -> None:
        self.former.open_for(device)
        self._begin(device)
        self.anchors.look_after(device)

    @property
    def _is_confined(self) -> bool:
        """This node listens on the loopback interface alone: then that is its whole network."""
        bound = [] if self._listener is None else self._listener.addresses
        return bool(bound) and all(is_loopback(one.host) for one in bound)

    def _today(self) -> int:
        return self._parts.now_s() // DAY_S

    def _begin(self, device: Device) -> None:
        if self.is_visible:
            self.former.dial(device)
        if self._roster.is_revoked:
            return
        if device.person.is_stub:
            device.spawn(self._dial_while_owed(device), "farewell")
        elif device.person.is_acquaintance:
            self.acquaintances.begin(device)
        elif device.person.is_welcome:
            self.joins.begin(device, self._begin_dialling)

    def _join_answered(self, device: Device) -> None:
        """A Join tells the name alone."""
        own = self._parts.profile.value
        if own.status or own.away:
            device.spawn(tell_device(self._parts, device), "profile")

    def _begin_dialling(self, device: Device) -> None:
        if device.dialer is None and self.is_visible:
            self._dial(device)

    def _dial(self, device: Device) -> "asyncio.Task[None]":
        device.dialer = Dialer(
            partial(self.caller.call_in_turn, device),
            device.book,
            self._parts.clock,
            device.rests,
            partial(self._dial_failed, device),
            yields=self._parts.identity.peer_id > device.person.peer_id,
        )
        return device.spawn(device.dialer.run(), "dialer")

    async def _dial_while_owed(self, stub: Device) -> None:
        """Dial while a Farewell or its Receipt waits: to dial tells others that one is there."""
        dialing: asyncio.Task[None] | None = None
        while self.is_visible and await self._parts.database.read(partial(_owes, stub.device_id)):
            dialing = dialing or self._dial(stub)
            await asyncio.sleep(OWED_LOOK_S)
        if dialing is not None:
            dialing.cancel()
            stub.dialer = None

    def _dial_again(self) -> None:
        """What kept this node from everybody is over."""
        for device in self._roster.everyone():
            if device.dialer is not None:
                device.dialer.heard()
        self.joins.retry_now()
        self.anchors.retry_now()

    def _dial_failed(self, device: Device, error: LoomError) -> None:
        device.dial_failed(error)
        if self._proxy_watch is not None and isinstance(error, ProxyUnavailable):
            self._proxy_watch.look()

    async def _listen(self) -> None:
        explicit = self._options.listen
        remembered = await self._parts.database.read(_remembered_port)
        if explicit is not None:
            self._listener = await self._transport.listen([explicit], self.link_listener.accept)
        else:
            try:
                self._listener = await self._bind_any(remembered)
            except PortInUse as error:
                if not remembered:
                    raise
                # Contacts find the new port by mDNS; the remembered one is tried again next time.
                self._listener = await self._bind_any(0)
                await self._say_fallback(error)
        if not remembered:
            port = self.port
            await self._parts.database.write(
                lambda db: settings.put(db, "listen_port", str(port).encode())
            )

    async def _bind_any(self, port: int) -> Listener:
        return await self._transport.listen(anywhere(port), self.link_listener.accept)

    async def _say_fallback(self, error: PortInUse) -> None:
        moved = PortMoved(**error.facts, instead=self.port)
        log.warning("remembered port is taken; listening on %d", self.port)
        self.has_fallen_back = True
        warning = Warned(code=moved.code, facts=moved.facts)
        await self._parts.journal.write(lambda db, happened: happened.add(warning))

    def _listens_on(self, packed: bytes) -> bool:
        """Whether an address of this machine reaches the listener."""
        return self._listener is not None and reaches(self._listener.addresses, packed)


def _owes(device_id: DeviceId, db: Db) -> bool:
    return outbox.count(db, device_id) > 0 or bool(receipts.of_device(db, device_id, 1))


def _remembered_port(db: Db) -> int:
    value = settings.get(db, "listen_port")
    return 0 if value is None else int(value)
