"""Payloads that reach somebody without a link: the transaction of the inbox, nothing else."""

import os
from collections.abc import Sequence

from loom.node.inbox import Batch, Taken
from loom.wire.content import KnownPayload
from tests.node.harness import Person


async def take_in(person: Person, other: Person, payloads: Sequence[KnownPayload]) -> None:
    """As if these had been opened in one batch."""
    batch = Batch()
    batch.taken = [Taken(os.urandom(32), one, 1, 0) for one in payloads]
    inbox, ids = person.peer(other).inbox, batch.to_receipt()
    await person.node.parts.journal.submit(
        lambda db, happened: inbox._store(db, happened, batch, ids, [])
    )
