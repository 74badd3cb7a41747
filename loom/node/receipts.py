"""Tells one device which messages were stored and read (docs/PROTOCOL.md 9.2)."""

from collections.abc import Sequence
from typing import Final

from loom.core.delivery import receipts as rules
from loom.core.delivery.receipts import OwedRow
from loom.errors import StoreUnavailable
from loom.model import MessageId
from loom.node.alarm import Alarm
from loom.node.context import DeviceContext
from loom.node.notes import Notes
from loom.node.routes.route import Route
from loom.node.sessions import DeviceSessions
from loom.node.starts import Starts
from loom.storage import receipts
from loom.storage.receipts import ReceiptKind
from loom.wire.content import Receipt, encode_payload

PAGE_ROWS: Final = 256


class Receipts:
    """What is owed, until it was written to a confirmed link."""

    def __init__(
        self,
        context: DeviceContext,
        sessions: DeviceSessions,
        route: Route,
        notes: Notes,
        starts: Starts,
        alarm: Alarm,
    ) -> None:
        self.state = rules.Receipts()
        self._context = context
        self._sessions = sessions
        self._route = route
        self._notes = notes
        self._starts = starts
        self._alarm = alarm

    def link_up(self) -> None:
        """A link was confirmed: everything owed goes out on it."""
        self.state = rules.link_up(self.state)

    def seal(self, delivered: Sequence[MessageId], read: Sequence[MessageId]) -> bytes | None:
        """A sealed Receipt for the caller to commit and write; None while none may be sealed."""
        if not self._sessions.may_seal(text=False):
            return None
        parts = self._context.parts
        payload = Receipt(parts.new_id(), parts.clock.now_ms(), tuple(delivered), tuple(read))
        return self._sessions.seal(encode_payload(payload)).envelope

    def owe(self) -> None:
        """A receipt was stored as owed."""
        self.state = rules.owed(self.state)
        self._alarm.ring()

    def owe_again(self, message_ids: Sequence[MessageId]) -> None:
        """A Receipt that was sealed with what it names found no link: store that it is owed."""
        device_id = self._context.device_id
        try:
            future = self._context.parts.database.submit(
                lambda db: receipts.add(db, device_id, ReceiptKind.DELIVERED, message_ids)
            )
        except StoreUnavailable:  # closed: the envelopes come again
            return
        self._context.log_failure(future)
        self.owe()

    def told(self, rows: Sequence[OwedRow]) -> None:
        """A Receipt of these rows, perhaps of none, was written to a confirmed link."""
        self.state, done = rules.told(self.state, rows)
        self._starts.greeted()
        self._notes.told(done)

    def mailed(self, rows: Sequence[OwedRow]) -> None:
        """A Receipt of these rows lies in a mailbox."""
        self._starts.greeted()
        self._notes.told([one.row_id for one in rows])
        self._notes.store()

    async def tell(self) -> None:
        """Seal and write what is owed, as far as it fits into one Receipt."""
        device_id = self._context.device_id
        # Rows that were told already go first, and then, through the writer, the others are read.
        self._notes.store()
        last_told = self.state.last_told
        self.state = rules.none_left(self.state)
        try:
            stored = await self._context.parts.database.write(
                lambda db: receipts.of_device(db, device_id, PAGE_ROWS, last_told)
            )
            await self._sessions.ready()
            rows, delivered, read = rules.first_page(stored)
            if not rows:
                return
            envelope = self.seal(delivered, read)
            if envelope is not None:
                sealed = envelope

                def write(_: None) -> None:
                    if self._route.send(sealed):
                        self.told(rows)

                await self._sessions.commit(then=write)
        except BaseException:
            self.state = rules.owed(self.state)  # the task looks again a little later
            raise
        self.state = rules.owed(self.state)

    async def greet(self) -> None:
        """Write an empty Receipt, unless rows are in flight that say as well what began."""
        self._starts.greeted()
        best_id = self._sessions.best_id
        if best_id is not None and self._sessions.in_flight.oldest_on(best_id) is not None:
            return
        envelope = self.seal([], [])
        if envelope is not None:
            sealed = envelope
            await self._sessions.commit(then=lambda _: self._route.send(sealed))
