"""What delivery stores a little later, because most of it is overtaken until then."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from loom.errors import StoreUnavailable
from loom.model import MessageId, MessageState
from loom.node.context import DeviceContext
from loom.node.sessions import DeviceSessions
from loom.storage import messages, receipts
from loom.storage.connection import Db

log = logging.getLogger(__name__)

DELAY_S: Final = 0.25


class Notes:
    """Which texts are on a link without a receipt, and which owed receipts were written to one.

    Losing a note is harmless: the text is shown as queued a little longer, the receipt is sent
    once more.
    """

    def __init__(self, context: DeviceContext, sessions: DeviceSessions) -> None:
        self._context = context
        self._sessions = sessions
        self._sent: list[MessageId] = []
        self._told: list[int] = []
        self._timer: asyncio.TimerHandle | None = None

    def sent(self, message_ids: Sequence[MessageId]) -> None:
        """These texts were written to a confirmed link."""
        if message_ids:
            self._sent += message_ids
            self._store_soon()

    def told(self, rows: Sequence[int]) -> None:
        """These rows of receipts are no longer owed."""
        if rows:
            self._told += rows
            self._store_soon()

    def link_down(self) -> None:
        """Nothing is on a link any more."""
        self._sent.clear()
        self.store()

    def store(self) -> None:
        """Submit them now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        conversation_id = self._context.conversation_id
        sent = [one for one in self._sent if one in self._sessions.in_flight]
        told, self._told = self._told, []
        self._sent.clear()
        if not sent and not told:
            return

        def note(db: Db) -> None:
            messages.set_state(db, conversation_id, sent, MessageState.SENT)
            receipts.delete_many(db, told)

        try:
            self._context.log_failure(self._context.parts.database.submit(note))
        except StoreUnavailable:
            log.info("contact %d: not noted: the profile is closed", self._context.number)

    def _store_soon(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(DELAY_S, self.store)
