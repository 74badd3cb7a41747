"""Receipts to one contact: owed until they were written to a confirmed link (PROTOCOL 9)."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from loom.model import MessageId
from loom.storage import receipts
from loom.storage.connection import Db
from loom.storage.receipts import OwedReceipt, ReceiptKind
from loom.wire.content import Receipt, encode_payload
from loom.wire.limits import RECEIPT_MAX_IDS

if TYPE_CHECKING:
    from loom.node.peer import Peer

ROWS_AT_ONCE: Final = 256


class OwedReceipts:
    """What is told once (delivered) or once more on the next link (read)."""

    def __init__(self, peer: "Peer") -> None:
        self._peer = peer
        self._is_due = True
        self._told: set[int] = set()
        """Rows of read receipts that were told on an earlier link."""
        self._told_now: list[int] = []

    def link_up(self) -> None:
        """Whatever is owed goes out on the new link."""
        self._told.update(self._told_now)
        self._told_now.clear()
        self._is_due = True

    def owe(self) -> None:
        """A receipt was stored as owed, or could not be sealed at once."""
        self._is_due = True

    def seal(self, delivered: Sequence[MessageId], read: Sequence[MessageId]) -> bytes | None:
        """A sealed Receipt for the caller to commit and write; None while none may be sealed."""
        if not self._peer.outbox.may_seal(text=False):
            return None
        parts = self._peer.parts
        payload = Receipt(parts.new_id(), parts.clock.now_ms(), tuple(delivered), tuple(read))
        return self._peer.outbox.seal(encode_payload(payload)).envelope

    async def pay(self) -> bool:
        """Send what is owed; False: some of it must wait for the contact's receipts."""
        peer = self._peer
        while self._is_due and peer.connection is not None:
            peer.outbox.notes.store()
            # Through the writer, so that it comes after what was paid.
            self._is_due = False
            try:
                stored = await peer.parts.database.write(self._read)
                await peer.state.ready()
                rows, delivered, read = _page(stored)
                if not rows:
                    return True
                envelope = self.seal(delivered, read)
                if envelope is None:
                    self._is_due = True
                    return False
                await peer.state.commit(lambda db: None)
            except (Exception, asyncio.CancelledError):
                self._is_due = True
                raise
            if not peer.send_envelope(envelope):
                self._is_due = True
                return True
            self.paid(rows)
            self._is_due = True
        return True

    def _read(self, db: Db) -> list[OwedReceipt]:
        told = self._told_now[-1] if self._told_now else 0
        return receipts.of_contact(db, self._peer.number, ROWS_AT_ONCE, told)

    def paid(self, rows: Sequence[OwedReceipt]) -> None:
        """These were written to a confirmed link."""
        done: list[int] = []
        for one in rows:
            if one.kind is ReceiptKind.READ:
                self._told_now.append(one.row_id)
            if one.kind is ReceiptKind.DELIVERED or one.row_id in self._told:
                self._told.discard(one.row_id)
                done.append(one.row_id)
        self._peer.outbox.notes.paid(done)


def _page(
    stored: list[OwedReceipt],
) -> tuple[list[OwedReceipt], list[MessageId], list[MessageId]]:
    """The first rows that fit into one receipt, and their ids."""
    rows: list[OwedReceipt] = []
    delivered: list[MessageId] = []
    read: list[MessageId] = []
    for one in stored:
        if len(delivered) + len(read) + len(one.message_ids) > RECEIPT_MAX_IDS:
            break
        (delivered if one.kind is ReceiptKind.DELIVERED else read).extend(one.message_ids)
        rows.append(one)
    return rows, delivered, read
