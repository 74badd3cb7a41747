"""What delivery notes down a little later, because most of it is overtaken until then."""

import asyncio
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from loom.errors import StoreUnavailable
from loom.model import MessageId, MessageState
from loom.storage import messages, receipts
from loom.storage.connection import Db

if TYPE_CHECKING:
    from loom.node.peer import Peer

log = logging.getLogger(__name__)

DELAY_S: Final = 0.25


class Notes:
    """Which texts are on a link without a receipt, and which owed receipts were written to one.

    Losing a note is harmless: the text is shown as queued a little longer, the receipt is sent
    once more.
    """

    def __init__(self, peer: "Peer") -> None:
        self._peer = peer
        self._sent: list[MessageId] = []
        self._paid: list[int] = []
        self._timer: asyncio.TimerHandle | None = None

    def sent(self, message_ids: Sequence[MessageId]) -> None:
        """These texts were written to a confirmed link."""
        self._sent += message_ids
        self._store_soon()

    def paid(self, rows: Sequence[int]) -> None:
        """These owed receipts were written to a confirmed link."""
        self._paid += rows
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
        awaiting, number = self._peer.state.awaiting, self._peer.number
        sent = [one for one in self._sent if one in awaiting]
        paid, self._paid = self._paid, []
        self._sent.clear()
        if not sent and not paid:
            return

        def note(db: Db) -> None:
            messages.set_state(db, number, sent, MessageState.SENT)
            receipts.delete_many(db, paid)

        try:
            self.forgive(self._peer.parts.database.submit(note))
        except StoreUnavailable:
            log.info("contact %d: notes not stored: closed", number)

    def _store_soon(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(DELAY_S, self.store)

    def forgive(self, future: "asyncio.Future[Any]") -> None:
        """What may fail: it is noted again, or seen again, later."""
        future.add_done_callback(self._look)

    def _look(self, done: "asyncio.Future[Any]") -> None:
        if not done.cancelled() and (error := done.exception()) is not None:
            log.info("contact %d: notes not stored: %s", self._peer.number, error)
