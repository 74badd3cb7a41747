"""Events: stored ones in order of their `seq`, live ones as they come."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Final

import msgspec

from loom.api.events import AnyEvent, Event
from loom.model import ContactId
from loom.storage import events as store
from loom.storage.connection import Db
from loom.storage.database import Database

REPLAY_PAGE: Final = 500
QUEUE_MAX: Final = 10_000
"""A reader who lags by more is served from the store again; live events are lost to it."""

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)


class EventBus:
    """One per open profile."""

    def __init__(self, database: Database, last_seq: int) -> None:
        self._database = database
        self._readers: set[_Reader] = set()
        self._closed = False
        self.last_seq = last_seq

    @property
    def has_readers(self) -> bool:
        """Whether anybody looks at live events."""
        return bool(self._readers)

    def publish(self, events: Iterable[AnyEvent]) -> None:
        """Hand out events whose transaction is committed, and live ones."""
        for event in events:
            self.last_seq = max(self.last_seq, event.seq)
            for reader in self._readers:
                reader.put(event)

    async def events(self, after: int | None) -> AsyncIterator[AnyEvent]:
        """See `Client.events`."""
        if self._closed:
            return
        reader = _Reader()
        self._readers.add(reader)
        seq = self.last_seq if after is None else after
        behind = after is not None
        try:
            while True:
                while behind:
                    page = await self._page(seq)
                    for event in page:
                        yield event
                        seq = event.seq
                    behind = len(page) == REPLAY_PAGE
                event_or_end = await reader.get()
                if event_or_end is None:
                    return
                if reader.take_lag():
                    behind = True
                elif event_or_end.seq == 0 or event_or_end.seq > seq:
                    seq = max(seq, event_or_end.seq)
                    yield event_or_end
        finally:
            self._readers.discard(reader)

    def close(self) -> None:
        """End every reader's iteration, also of those who come later."""
        self._closed = True
        for reader in self._readers:
            reader.end()

    async def _page(self, after: int) -> list[AnyEvent]:
        stored = await self._database.long_read(lambda db: store.after(db, after, REPLAY_PAGE))
        return [_restored(one) for one in stored]


class _Reader:
    """One subscription's queue."""

    def __init__(self) -> None:
        self._queue: deque[AnyEvent | None] = deque()
        self._waiting: asyncio.Future[None] | None = None
        self._lagging = False

    def put(self, event: AnyEvent) -> None:
        if len(self._queue) >= QUEUE_MAX:
            self._queue.clear()
            self._lagging = True
        self._queue.append(event)
        self._wake()

    def end(self) -> None:
        self._queue.append(None)
        self._wake()

    def take_lag(self) -> bool:
        lagging, self._lagging = self._lagging, False
        if lagging:
            self._queue = deque(event for event in self._queue if event is None)
        return lagging

    async def get(self) -> AnyEvent | None:
        while not self._queue:
            self._waiting = asyncio.get_running_loop().create_future()
            await self._waiting
        return self._queue.popleft()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)


class Draft(msgspec.Struct, frozen=True):
    """An event on its way into the store."""

    event: AnyEvent
    contact_id: ContactId | None
    message_row: int | None = None


def store_events(db: Db, drafts: Sequence[Draft], now_ms: int) -> list[AnyEvent]:
    """Store events inside the caller's transaction; the same events with their `seq`."""
    first = store.append(
        db,
        [
            store.NewEvent(
                body=_encoder.encode(_without_text(draft)),
                created_at_ms=now_ms,
                contact_id=draft.contact_id,
                message_row=draft.message_row,
            )
            for draft in drafts
        ],
    )
    return [
        msgspec.structs.replace(draft.event, seq=seq) for seq, draft in enumerate(drafts, first)
    ]


def _without_text(draft: Draft) -> Event:
    # What a message said stands in the history alone, so that deleting it there deletes it.
    if draft.message_row is None:
        return draft.event
    return msgspec.structs.replace(draft.event, body="")


def _restored(stored: store.StoredEvent) -> AnyEvent:
    event = _decoder.decode(stored.body)
    if stored.message_row is None:
        return msgspec.structs.replace(event, seq=stored.seq)
    return msgspec.structs.replace(event, seq=stored.seq, body=stored.text or "")
