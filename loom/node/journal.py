"""What happened: stored with the work it belongs to, told in the order of the commits."""

import asyncio
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from functools import cache
from typing import Final, NamedTuple, TypeVar

import msgspec

from loom.api.events import AnyEvent, Event, EventsGap, FileChanged, RoomPosted, WholeMessage
from loom.model import ConversationId
from loom.node.message_view import Contents, without_content
from loom.node.room_states import RoomStates
from loom.node.room_view import PostContents, without_post
from loom.ports import Clock
from loom.storage import events as store
from loom.storage.connection import Db
from loom.storage.database import Database
from loom.storage.sessions import Save

T = TypeVar("T")

REPLAY_PAGE: Final = 100
QUEUE_MAX: Final = 10_000
QUEUE_MAX_BYTES: Final = 4 * 1024 * 1024
"""A reader that lags by more reads from the store again; live events are lost to it."""

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)


class _Draft(NamedTuple):
    event: AnyEvent
    is_stored: bool
    conversation_id: ConversationId | None
    message_row: int | None


class Happened:
    """The events of one transaction, collected while its work runs."""

    def __init__(self) -> None:
        self.drafts: list[_Draft] = []
        self.later: list[Callable[[], object]] = []
        """What is done in the event loop after the commit, before the events are told."""

    def add(
        self,
        event: AnyEvent,
        conversation_id: ConversationId | None = None,
        message_row: int | None = None,
    ) -> None:
        """An event to store. What the message `message_row` shows stays in the history alone.

        Conversations and messages have numbers above 0, rooms and their posts the same below it.
        """
        self.drafts.append(_Draft(event, True, conversation_id, message_row))

    def add_live(self, event: AnyEvent) -> None:
        """An event that is told in its turn, after the commit, and not stored."""
        self.drafts.append(_Draft(event, False, None, None))


class Journal:
    """One per open profile. Nothing else stores or tells events."""

    def __init__(self, database: Database, clock: Clock, last_seq: int) -> None:
        self._database = database
        self._clock = clock
        self._readers: set[_Reader] = set()
        self._closed = False
        self.last_seq = last_seq
        self.room_states = RoomStates(clock)

    @property
    def has_readers(self) -> bool:
        """Whether live events reach anybody."""
        return bool(self._readers)

    def submit(
        self,
        work: Callable[[Db, Happened], T],
        save: Save | None = None,
        then: Callable[[T], object] | None = None,
        *,
        is_long: bool = False,
    ) -> "asyncio.Future[T]":
        """`Database.submit`: work whose events are stored with it and told after its commit.

        `then` runs after its events were told and before those of the next commit.
        """
        told: list[AnyEvent] = []
        later: list[Callable[[], object]] = []
        now_ms = self._clock.now_ms()

        def transaction(db: Db) -> T:
            nonlocal told, later
            happened = Happened()
            result = work(db, happened)
            told, later = _store(db, happened.drafts, now_ms), happened.later
            return result

        def committed(result: T) -> None:
            for one in later:
                one()
            self.tell(*told)
            if then is not None:
                then(result)

        return self._database.submit(transaction, save, committed, is_long=is_long)

    async def write(self, work: Callable[[Db, Happened], T]) -> T:
        """The same for work of any length, once it is durable.

        Raises:
            DiskFull, StoreUnavailable, StoreError: nothing of `work` was kept or told.
        """
        return await self.submit(work, is_long=True)

    def tell(self, *events: AnyEvent) -> None:
        """Hand live events to the readers."""
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
                        seq = max(seq, event.seq)
                    behind = len(page) >= REPLAY_PAGE
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
        """End the iteration of every reader, also of those to come."""
        self._closed = True
        for reader in self._readers:
            reader.end()

    async def _page(self, after: int) -> list[AnyEvent]:
        """The next stored events; first the gap, if some of those after `after` were deleted."""

        def read(db: Db) -> tuple[int, list[AnyEvent]]:
            page = store.after(db, after, REPLAY_PAGE)
            return store.forgotten_through(db), _restored(db, self.room_states, page)

        forgotten, events = await self._database.long_read(read)
        if after < forgotten:
            events.insert(0, EventsGap(from_seq=after + 1, to_seq=forgotten))
        return events


class _Reader:
    """One subscription's queue."""

    def __init__(self) -> None:
        self._queue: deque[AnyEvent | None] = deque()
        self._size_bytes = 0
        self._waiting: asyncio.Future[None] | None = None
        self._lagging = False

    def put(self, event: AnyEvent) -> None:
        if len(self._queue) >= QUEUE_MAX or self._size_bytes >= QUEUE_MAX_BYTES:
            self._queue.clear()
            self._size_bytes = 0
            self._lagging = True
        self._queue.append(event)
        self._size_bytes += _text_bytes(event)
        self._wake()

    def end(self) -> None:
        self._queue.append(None)
        self._wake()

    def take_lag(self) -> bool:
        lagging, self._lagging = self._lagging, False
        if lagging:
            self._queue = deque(event for event in self._queue if event is None)
            self._size_bytes = 0
        return lagging

    async def get(self) -> AnyEvent | None:
        while not self._queue:
            self._waiting = asyncio.get_running_loop().create_future()
            await self._waiting
        event = self._queue.popleft()
        if event is not None:
            self._size_bytes -= _text_bytes(event)
        return event

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)


def _text_bytes(event: AnyEvent) -> int:
    """What an event's text takes in memory; its other fields are few and short."""
    return sys.getsizeof(getattr(event, "body", ""))


def _store(db: Db, drafts: Iterable[_Draft], now_ms: int) -> list[AnyEvent]:
    """Store what is to be stored; all of them in order, with their numbers."""
    told: list[AnyEvent] = []
    for event, is_stored, conversation_id, message_row in drafts:
        if not is_stored:
            told.append(event)
            continue
        new = store.NewEvent(
            body=_encoded(_without_content(event)),
            created_at_ms=now_ms,
            conversation_id=conversation_id,
            message_row=message_row,
        )
        told.append(msgspec.structs.replace(event, seq=store.append(db, new)))
    return told


def _without_content(event: AnyEvent) -> AnyEvent:
    if isinstance(event, WholeMessage):
        return without_content(event)
    if isinstance(event, FileChanged):
        return msgspec.structs.replace(event, file=None)
    return without_post(event) if isinstance(event, RoomPosted) else event


@cache
def _defaults(kind: type[Event]) -> tuple[tuple[str, object], ...]:
    """Each field with the value that need not be stored; UNSET: every value must."""
    fields = msgspec.structs.fields(kind)
    return tuple(
        (
            one.name,
            msgspec.UNSET
            if one.required
            else one.default_factory()
            if one.default is msgspec.NODEFAULT
            else one.default,
        )
        for one in fields
    )


def _encoded(event: Event) -> bytes:
    """JSON without the fields that have their default, of which a message has many."""
    values = msgspec.structs.astuple(event)
    fields = {
        name: value
        for (name, default), value in zip(_defaults(type(event)), values, strict=True)
        if value != default
    }
    return _encoder.encode({"type": event.__struct_config__.tag, **fields})


def _restored(db: Db, states: RoomStates, page: list[store.StoredEvent]) -> list[AnyEvent]:
    rows = [one.message_row for one in page if one.message_row is not None]
    contents = Contents(db, [row for row in rows if row > 0])
    posts = PostContents(db, states, [-row for row in rows if row < 0])
    restored: list[AnyEvent] = []
    for stored in page:
        event = msgspec.structs.replace(_decoder.decode(stored.body), seq=stored.seq)
        if isinstance(event, WholeMessage) and stored.message_row is not None:
            event = contents.restore(event, stored.message_row)
        elif isinstance(event, FileChanged) and stored.message_row is not None:
            row = stored.message_row
            event = (
                contents.restore_file(event, row) if row > 0 else posts.restore_file(event, -row)
            )
        elif isinstance(event, RoomPosted) and stored.message_row is not None:
            event = posts.restore(event, -stored.message_row)
        restored.append(event)
    return restored
