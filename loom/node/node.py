"""The service of one open profile: its `Client`, from start to end."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Final, TypeVar

from loom.api.command import Command
from loom.api.events import AnyEvent, NodeReady, NodeStopped
from loom.api.profiles import NodeOptions
from loom.config import Paths
from loom.errors import StoreUnavailable
from loom.model import FileId
from loom.node.backups import Backups
from loom.node.commands import Commands
from loom.node.expiry import Expiry
from loom.node.farewells import Farewells
from loom.node.file_sources import Sources
from loom.node.identity.following import Following
from loom.node.identity.former import FormerDoors
from loom.node.identity.handing_on import HandingOn
from loom.node.identity.own import OwnIdentity
from loom.node.introduction import tell_profile
from loom.node.invites.acceptance import Acceptance
from loom.node.invites.mail import InviteMail
from loom.node.invites.own import OwnInvites
from loom.node.maintenance import maintain
from loom.node.network import Network
from loom.node.parts import Parts
from loom.node.room_watch import RoomWatch
from loom.node.rooms.copies import look_for_a_copy
from loom.node.roster import Roster
from loom.ports import Discovery, Transport
from loom.storage import destruction, persons

if TYPE_CHECKING:
    from loom.node.pairing import PairingRoom

R = TypeVar("R")

COMMAND_TIMEOUT_S: Final = 10.0


class Node:
    """A `Client` in process."""

    def __init__(
        self,
        parts: Parts,
        *,
        paths: Paths,
        remove_traces: Callable[[str], Awaitable[None]],
        transport: Transport,
        discovery: Discovery,
        pairing_discovery: Discovery,
        options: NodeOptions,
    ) -> None:
        self.parts = parts
        self.roster = Roster(parts)
        self.expiry = Expiry(parts, self.roster)
        self.farewells = Farewells(parts, self.roster)
        self.sources = Sources(parts, self.roster)
        handing_on = HandingOn(parts, self.roster)
        self.rooms = RoomWatch(parts, self.roster, handing_on, self.sources.linked)
        acceptance = Acceptance(parts, self.roster)
        self.invites = OwnInvites(parts, acceptance)
        self.following = Following(parts, self.roster)
        self.former = FormerDoors(parts, self.roster, self.following)
        self.identity = OwnIdentity(parts, self.roster, self.former, self.invites)
        self.following.on_own = self.identity.heard
        self.roster.on_chain = self.following.put
        self.following.on_followed = self.rooms.identity_changed
        self.roster.on_heard = self.former.knows
        self.roster.on_untold = self.former.expect
        self.roster.on_chain_put = self.former.was_put
        parts.removal.on_gone = self._file_gone
        self.network = Network(
            parts,
            self.roster,
            self.invites,
            InviteMail(parts, self.invites, acceptance),
            self.former,
            transport,
            discovery,
            options,
        )

        async def rotated() -> None:
            self.rooms.renew_keys()
            await self.network.anchors.renew_all()

        self.identity.on_rotated = rotated

        def make_pairing() -> "PairingRoom":
            from loom.node.pairing import PairingRoom  # most nodes never pair: it takes memory

            return PairingRoom(
                parts,
                transport,
                pairing_discovery,
                # Behind a proxy the other end sees the proxy's address, where nobody takes links.
                link_port=lambda: 0 if options.proxy is not None else self.network.port,
                is_online=options.online,
                announces=options.mdns,
            )

        self.sources.requests.can_receive = lambda: self.network.anchors.can_receive_files
        self.backups = Backups(parts)
        self.stopped = asyncio.Event()
        self.wants_stop = asyncio.Event()
        self._paths = paths
        self._commands = Commands(
            parts,
            self.roster,
            self.network,
            make_pairing,
            self.invites,
            self.farewells,
            self.backups,
            self.identity,
            paths=paths,
            remove_traces=remove_traces,
            stop=self.wants_stop.set,
        )
        self._maintenance: asyncio.Task[None] | None = None
        self._running: set[asyncio.Future[Any]] = set()
        self._stopping = False

    @property
    def pairing(self) -> "PairingRoom":
        """Made when it is asked for first."""
        return self._commands.pairing.room

    # --- Client ---

    async def send(self, command: Command[R]) -> R:
        """See `Client.send`."""
        if self._stopping:
            raise StoreUnavailable(what="the profile is closed")
        # The caller may be cancelled; what was begun is carried out. A future of its own costs
        # each command less than `asyncio.shield`.
        answer: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(self._carry_out(command, answer))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await answer

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
        self.network.refuse_new()
        ending = asyncio.create_task(self._end(), name="end of the node")
        await asyncio.shield(ending)

    # --- life ---

    async def start(self) -> None:
        """Load the contacts and, unless offline, meet the network.

        Raises:
            PortInUse, InvalidAddress: the explicit address cannot be bound.
        """
        await self.identity.load()
        for contact in await self.parts.database.read(persons.contacts):
            self.roster.add(contact)
        await self.parts.database.read(self.parts.machine.load)
        await self.network.joins.load()
        await look_for_a_copy(self.parts, self._paths.folder)
        await tell_profile(self.parts, self.roster)
        await self.parts.removal.start()
        await self.expiry.start()
        await self.farewells.start()
        if not self.network.is_online:
            return
        if self.parts.machine.is_closed:
            self.parts.journal.tell(self.ready_event())
            return
        self.roster.is_online = True
        await self.invites.load()
        self.rooms.start()
        self.sources.start()
        self.backups.start()
        await self.network.start()
        self._maintenance = asyncio.create_task(
            maintain(self.parts, self.roster, self.network, self.invites, self.former),
            name="maintenance",
        )
        self.parts.journal.tell(self.ready_event())

    def ready_event(self) -> NodeReady:
        """What the daemon prints first."""
        network = self.network
        return NodeReady(
            profile=self._paths.profile,
            port=network.port,
            addresses=network.addresses,
            pid=os.getpid(),
        )

    # --- inside ---

    async def _end(self) -> None:
        async with AsyncExitStack() as last_to_first:  # each, even if one before it failed
            last_to_first.callback(self.stopped.set)
            if self._commands.panic.has_begun:  # what ended since may have written files again
                last_to_first.push_async_callback(
                    asyncio.to_thread, destruction.remove_profile, self._paths
                )
            last_to_first.push_async_callback(asyncio.to_thread, self.parts.files.close)
            last_to_first.push_async_callback(asyncio.to_thread, self.parts.database.close)
            last_to_first.callback(self.parts.database.take_no_more)
            last_to_first.callback(self._say_stopped)
            last_to_first.push_async_callback(self._end_devices)
            last_to_first.push_async_callback(self.network.stop)
            last_to_first.push_async_callback(self.invites.stop)
            last_to_first.push_async_callback(self.following.stop)
            last_to_first.push_async_callback(self._commands.pairing.close)
            last_to_first.push_async_callback(self.backups.stop)
            last_to_first.push_async_callback(self.sources.stop)
            last_to_first.push_async_callback(self.rooms.stop)
            last_to_first.push_async_callback(self.farewells.stop)
            last_to_first.push_async_callback(self.expiry.stop)
            if self._maintenance is not None:
                self._maintenance.cancel()
                await asyncio.gather(self._maintenance, return_exceptions=True)

    def _file_gone(self, file_id: FileId) -> None:
        for device in self.roster.in_rooms():
            device.files.gone(file_id)
        self.parts.room_fetch.ring()

    async def _end_devices(self) -> None:
        if self._running:
            await asyncio.wait(self._running, timeout=COMMAND_TIMEOUT_S)
        await asyncio.gather(*(device.stop() for device in self.roster.everyone()))

    def _say_stopped(self) -> None:
        self.parts.journal.tell(NodeStopped(reason="stopped"))
        self.parts.journal.close()

    async def _carry_out(self, command: Command[R], answer: "asyncio.Future[R]") -> None:
        try:
            result = await self._commands.carry_out(command)
        except asyncio.CancelledError:
            answer.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - for whoever awaits the answer, if anybody does
            if not answer.done():
                answer.set_exception(error)
        else:
            if not answer.done():
                answer.set_result(result)
