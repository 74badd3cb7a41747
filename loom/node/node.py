"""The service of one open profile: contacts, links, delivery, discovery, and its `Client`."""

import asyncio
import ipaddress
import logging
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, Final, TypeVar

import loom
from loom.api.commands import Command
from loom.api.events import AnyEvent, NodeReady, NodeStopped, Warned
from loom.api.profiles import NodeOptions
from loom.api.views import StatusView
from loom.config import Paths
from loom.core.pair_keys import derive_pair_keys
from loom.errors import LoomError, PortInUse, PortMoved, StoreUnavailable
from loom.model import Address, Contact
from loom.node.commands import Commands
from loom.node.device import Device
from loom.node.listener import LinkListener
from loom.node.parts import Parts
from loom.node.presence import Announcer
from loom.node.roster import Roster
from loom.node.routes.caller import Caller
from loom.node.routes.dialer import Dialer
from loom.ports import Discovery, Listener, Transport
from loom.storage import contacts, maintenance, outbox, settings
from loom.storage.connection import Db

R = TypeVar("R")
log = logging.getLogger(__name__)

ANY_IPV4: Final = "0.0.0.0"  # noqa: S104 - the product listens on the LAN
ANY_IPV6: Final = "::"
DAY_S: Final = 86_400
MAINTENANCE_S: Final = 600.0
COMMAND_TIMEOUT_S: Final = 10.0


class Node:
    """A `Client` in process. `name` is what contacts are told."""

    def __init__(
        self,
        parts: Parts,
        *,
        paths: Paths,
        name: str,
        transport: Transport,
        discovery: Discovery,
        options: NodeOptions,
    ) -> None:
        self.parts = parts
        self.paths = paths
        self.profile = paths.profile
        self.name = name
        self.roster = Roster()
        self.caller = Caller(transport, parts.clock, parts.random, self._today)
        self.link_listener = LinkListener(parts.database, parts.clock, parts.random, self._today)
        self.stopped = asyncio.Event()
        self.announcer: Announcer | None = None
        self.wants_stop = asyncio.Event()
        self.has_fallen_back = False
        """The remembered port was taken."""
        self._transport = transport
        self._discovery = discovery
        self._options = options
        self._listener: Listener | None = None
        self._commands = Commands(self)
        self._started_at_ms = parts.clock.now_ms()
        self._started_seq = parts.journal.last_seq
        self._tasks: list[asyncio.Task[None]] = []
        self._running: set[asyncio.Future[Any]] = set()
        self._stopping = False

    # --- Client ---

    async def send(self, command: Command[R]) -> R:
        """See `Client.send`."""
        if self._stopping:
            raise StoreUnavailable(what="the profile is closed")
        # Whoever asked may go away; what was begun is carried out.
        task = asyncio.ensure_future(self._commands.carry_out(command))
        self._running.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    def events(self, after: int | None = None) -> AsyncIterator[AnyEvent]:
        """See `Client.events`."""
        return self.parts.journal.events(after)

    async def close(self) -> None:
        """End the node: what was submitted is committed first."""
        if self._stopping:
            await self.stopped.wait()
            return
        self._stopping = True
        self.wants_stop.set()
        self.link_listener.stop()
        self.caller.stop()
        ending = asyncio.create_task(self._end(), name="end of the node")
        await asyncio.shield(ending)

    async def _end(self) -> None:
        async with AsyncExitStack() as last_to_first:  # each, whatever became of those before it
            last_to_first.callback(self.stopped.set)
            last_to_first.push_async_callback(asyncio.to_thread, self.parts.database.close)
            last_to_first.callback(self.parts.database.take_no_more)
            last_to_first.callback(self._say_stopped)
            last_to_first.push_async_callback(self._end_devices)
            if self._listener is not None:
                last_to_first.push_async_callback(self._listener.close)
            if self.announcer is not None:
                last_to_first.push_async_callback(self.announcer.stop)
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _end_devices(self) -> None:
        if self._running:
            await asyncio.wait(self._running, timeout=COMMAND_TIMEOUT_S)
        await asyncio.gather(*(device.stop() for device in self.roster.values()))

    def _say_stopped(self) -> None:
        self.parts.journal.tell(NodeStopped(reason="stopped"))
        self.parts.journal.close()

    # --- life ---

    async def start(self) -> None:
        """Load the contacts and, unless offline, meet the network.

        Raises:
            PortInUse, InvalidAddress: the explicit address cannot be bound.
        """
        for contact in await self.parts.database.read(contacts.all_):
            self.add_device(contact)
        if not self._options.online:
            return
        await self.link_listener.load()
        await self._listen()
        self.contacts_changed()
        for device in self.roster.values():
            self._begin_dialling(device)
        if self._options.mdns:
            self.announcer = Announcer(
                self.parts, self._discovery, self.port, self.reachable, self._listens_on
            )
            await self.announcer.start()
        self._tasks.append(asyncio.create_task(self._maintain(), name="maintenance"))
        self.parts.journal.tell(self.ready_event())

    def ready_event(self) -> NodeReady:
        """What the daemon prints first."""
        return NodeReady(
            profile=self.profile, port=self.port, addresses=self.addresses, pid=os.getpid()
        )

    @property
    def is_online(self) -> bool:
        """Whether this node meets the network at all."""
        return self._options.online

    @property
    def port(self) -> int:
        """The bound port; 0 when offline."""
        return self._listener.addresses[0].port if self._listener is not None else 0

    @property
    def addresses(self) -> list[str]:
        """What is bound."""
        return [] if self._listener is None else [str(one) for one in self._listener.addresses]

    # --- contacts ---

    def add_device(self, contact: Contact) -> Device:
        """Take up a contact, or a contact's new identity."""
        keys = derive_pair_keys(
            self.parts.identity.agreement,
            self.parts.identity.peer_id,
            contact.peer_id,
            contact.x25519_public,
        )
        device = Device(self.parts, contact, keys)
        self.roster[contact.contact_id] = device
        if self._listener is not None:
            self._begin_dialling(device)
        return device

    async def drop_device(self, device: Device) -> None:
        """Let go of a contact."""
        self.roster.pop(device.number, None)
        self.contacts_changed()
        device.arbiter.end()
        device.arbiter.abort()
        await device.stop()

    def reachable(self) -> list[Device]:
        """Everyone who may hear of us, by number."""
        return [device for _, device in sorted(self.roster.items()) if device.contact.is_welcome]

    def contacts_changed(self) -> None:
        """Gate and adverts follow the contacts."""
        self.link_listener.admit(self.reachable())
        if self.announcer is not None:
            self.announcer.contacts_changed()

    # --- inside ---

    def _ended(self, task: "asyncio.Future[Any]") -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # whoever asked may have gone, and nobody else is told

    def _today(self) -> int:
        return self.parts.now_s() // DAY_S

    def _begin_dialling(self, device: Device) -> None:
        if device.contact.is_welcome and device.dialer is None:
            device.dialer = Dialer(
                partial(self.caller.call_in_turn, device),
                device.book,
                self.parts.clock,
                device.is_linked,
                device.dial_failed,
                yields=self.parts.identity.peer_id > device.contact.peer_id,
            )
            device.spawn(device.dialer.run(), "dialer")

    async def _listen(self) -> None:
        explicit = self._options.listen
        remembered = await self.parts.database.read(_remembered_port)
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
            await self.parts.database.write(
                lambda db: settings.put(db, "listen_port", str(port).encode())
            )

    async def _bind_any(self, port: int) -> Listener:
        return await self._transport.listen(
            [Address(ANY_IPV4, port), Address(ANY_IPV6, port)], self.link_listener.accept
        )

    async def _say_fallback(self, error: PortInUse) -> None:
        moved = PortMoved(**error.facts, instead=self.port)
        log.warning("remembered port is taken; listening on %d", self.port)
        self.has_fallen_back = True
        warning = Warned(code=moved.code, facts=moved.facts)
        await self.parts.journal.write(lambda db, happened: happened.add(warning))

    def _listens_on(self, packed: bytes) -> bool:
        """Whether an address of this machine reaches the listener."""
        if self._listener is None:
            return False
        ip = ipaddress.ip_address(packed)
        wildcard = ANY_IPV4 if ip.version == 4 else ANY_IPV6
        return any(one.host in (str(ip), wildcard) for one in self._listener.addresses)

    async def _maintain(self) -> None:
        while True:
            try:
                await self.parts.database.write(
                    lambda db: maintenance.prune(db, self.parts.now_s())
                )
                self.link_listener.prune()
                for device in list(self.roster.values()):
                    await device.sessions.drop_superseded()
                # Deleted keys stay in the log's old pages until it is emptied.
                await self.parts.database.checkpoint()
            except LoomError as error:
                log.warning("maintenance: %s", error.code)
            await asyncio.sleep(MAINTENANCE_S)

    async def status(self) -> StatusView:
        """The node as it stands."""
        queued = await self.parts.database.read(outbox.counts)
        mdns = "off" if self.announcer is None else self.announcer.state
        return StatusView(
            profile=self.profile,
            name=self.name,
            fingerprint=self.parts.identity.peer_id.hex(),
            port=self.port,
            addresses=self.addresses,
            pid=os.getpid(),
            started_at_ms=self._started_at_ms,
            contacts=len(self.roster),
            online=sum(device.connection is not None for device in self.roster.values()),
            queued=sum(queued.values()),
            mdns=mdns,
            version=loom.__version__,
            started_seq=self._started_seq,
            last_seq=self.parts.journal.last_seq,
        )


def _remembered_port(db: Db) -> int:
    value = settings.get(db, "listen_port")
    return 0 if value is None else int(value)
