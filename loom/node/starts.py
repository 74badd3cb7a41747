"""Begins sessions with one device (docs/PROTOCOL.md 4.6, 4.7)."""

import logging
from collections.abc import Callable

from loom.api.events import MachineFound
from loom.core.delivery import plan, starting
from loom.core.delivery.plan import Wish
from loom.core.delivery.starting import Starting
from loom.core.prekeys import RemoteBundle, read_bundle
from loom.errors import LoomError
from loom.node.alarm import Alarm
from loom.node.context import DeviceContext
from loom.node.journal import Happened
from loom.node.sessions import DeviceSessions
from loom.storage import machine, outbox, receipts
from loom.storage.connection import Db

log = logging.getLogger(__name__)


class Starts:
    """What was asked for and said on the link there is.

    Args:
        ask_for_bundle: sends a request; the answer comes to `bundle_received`.
    """

    def __init__(
        self,
        context: DeviceContext,
        sessions: DeviceSessions,
        alarm: Alarm,
        ask_for_bundle: Callable[[], None],
    ) -> None:
        self.state = Starting()
        self._context = context
        self._sessions = sessions
        self._alarm = alarm
        self._ask_for_bundle = ask_for_bundle

    def link_up(self, opened_at_s: float, *, dialled: bool) -> None:
        """A link was confirmed; `dialled`: by this side."""
        self.state = starting.link_up(self.state, opened_at_s, dialled=dialled)

    def link_down(self) -> None:
        """The link is gone."""
        self.state = starting.link_down(self.state, self._now_s())

    def want(self, *, also_unanswered: bool = False) -> None:
        """A desync was seen; `also_unanswered`: in mail on keys that are gone."""
        self._sessions.want_start(also_unanswered=also_unanswered)
        self._alarm.ring()

    def greeted(self) -> None:
        """Something was written that carries the handshake of an unanswered start."""
        self.state = starting.greeted(self.state, self._now_s())

    async def wish(self) -> Wish:
        """Why a session may have to begin; afterwards the sessions are loaded."""
        await self._sessions.ready()
        device_id, value = self._context.device_id, self._sessions.value
        something = value.best is None and await self._context.parts.database.read(
            lambda db: bool(
                outbox.page(db, device_id, 0, 1) or receipts.of_device(db, device_id, 1)
            )
        )
        await self._sessions.ready()
        value = self._sessions.value
        if value.is_halted and not self._is_found:
            self._found()
            await self._context.parts.journal.write(self._tell)
        return Wish(something, value.start_wanted, value.wanted_starts_s, value.is_halted)

    def ask(self) -> None:
        """Ask for a bundle."""
        self.state = starting.asked(self.state, self._now_s())
        self._ask_for_bundle()

    async def bundle_received(self, data: bytes) -> None:
        """Begin a session, if a bundle was asked for and a session is still due.

        Raises:
            PeerError: the bundle is not one to begin with.
        """
        if self.state.asked_s is None:
            return
        self.state = starting.answered(self.state)
        unix_s = self._context.parts.now_s()
        bundle = read_bundle(data, self._context.token, unix_s)
        wish = await self.wish()
        live = self._sessions.value.live
        if plan.is_start_due(self.state, live, wish, self._now_s(), unix_s):
            await self._begin(bundle)

    async def begin(self, data: bytes) -> bool:
        """Begin a session on a bundle that lay in a mailbox; False: none may be begun now.

        Raises:
            PeerError: the bundle is not one to begin with.
        """
        bundle = read_bundle(data, self._context.token, self._context.parts.now_s())
        await self._sessions.ready()
        return await self._begin(bundle)

    async def _begin(self, bundle: RemoteBundle) -> bool:
        self._sessions.heard(bundle)
        if self._sessions.value.is_halted:
            await self._sessions.commit()
            self._alarm.ring()
            return False
        self._sessions.start(bundle)
        self._context.on_mail_change()
        self.state = starting.began(self.state, self._now_s())
        await self._sessions.commit()
        log.info("contact %d: session started", self._context.number)
        self._alarm.ring()
        return True

    async def replaced(self) -> None:
        """The contact has a newer link with the identity, and it was not dialled here."""
        if self._is_found:
            return
        self._found()
        try:
            await self._sessions.ready()
            self._sessions.halt()
            await self._sessions.commit(self._tell)
        except LoomError:  # nothing is stored: the next record finds it again
            self._context.parts.machine.found -= {self._context.device_id}
            raise

    @property
    def _is_found(self) -> bool:
        return self._context.device_id in self._context.parts.machine.found

    def _found(self) -> None:
        log.warning("contact %d: another machine uses this identity", self._context.number)
        self._context.parts.machine.found |= {self._context.device_id}

    def _tell(self, db: Db, happened: Happened) -> None:
        person = self._context.person
        machine.put_found(db, machine.found(db) | {self._context.device_id})
        happened.add(MachineFound(contact=person.name, contact_id=person.person_id))

    def _now_s(self) -> float:
        return self._context.parts.clock.monotonic_s()
