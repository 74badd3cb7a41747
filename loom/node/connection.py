"""Pumps one link: bytes, time and pressure between a `Stream` and the sans-IO `Link`."""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

from loom.core.link import Link
from loom.core.link_ends import LinkResponder
from loom.core.link_events import (
    CloseReason,
    LinkAuthenticated,
    LinkClosed,
    LinkConfirmed,
    LinkEvent,
    RecordReceived,
)
from loom.model import Address
from loom.ports import Clock, Stream
from loom.wire.framing import RecordKind

FLUSH_TIMEOUT_S: Final = 5.0
"""How long a closing link may keep its place when the other side does not read."""


class Owner(Protocol):
    """Who is told what happens on a connection; all calls come from the event loop."""

    def authenticated(self, connection: "Connection", event: LinkAuthenticated) -> None:
        """Somebody who was let in at the gate proved the link key."""
        ...

    def confirmed(self, connection: "Connection") -> None:
        """The contact is there."""
        ...

    def records_received(self, connection: "Connection", records: list[RecordReceived]) -> None:
        """Some records, in order."""
        ...

    def writable_again(self, connection: "Connection") -> None:
        """The send buffer drained."""
        ...

    def connection_closed(self, connection: "Connection", reason: CloseReason | None) -> None:
        """Called once; None: the other side or the network ended it."""
        ...


class Connection:
    """A `StreamHandler`. `dialled` tells which side we are."""

    def __init__(
        self, owner: Owner, clock: Clock, make_link: Callable[[], Link], *, dialled: bool
    ) -> None:
        self.dialled = dialled
        self.is_writable = True
        self.reason: CloseReason | None = None
        self.opened_at_s = clock.monotonic_s()
        self._owner = owner
        self._clock = clock
        self._make_link = make_link
        self._link: Link | None = None
        self._stream: Stream | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._due_s = 0.0
        self._queued: list[tuple[RecordKind, bytes]] = []
        self._flush_is_due = False
        self._paused = False

    def __repr__(self) -> str:
        return f"Connection({self._link!r})"

    @property
    def is_open(self) -> bool:
        """Records may be sent."""
        return self._link is not None and self._link.is_open

    @property
    def remote(self) -> Address | None:
        """The other end's address."""
        return None if self._stream is None else self._stream.remote

    # --- from the transport ---

    def connected(self, stream: Stream) -> None:
        """The stream stands: the initiator speaks first."""
        self._stream = stream
        self._link = self._make_link()
        self._pump([])

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        if self._link is not None and not self._link.is_closed:
            self._pump(self._link.receive_data(data, self._clock.monotonic_s()))

    def writable(self, ready: bool) -> None:
        """The transport's buffer is full, or drained."""
        self.is_writable = ready
        if ready:
            self._owner.writable_again(self)

    def closed(self) -> None:
        """The stream is gone."""
        if self._timer is not None:
            self._timer.cancel()
        self._stream = None
        self._link = None
        self._owner.connection_closed(self, self.reason)

    # --- from the owner ---

    def accept(self) -> None:
        """Go on with an authenticated initiator: its `rand` is stored."""
        if isinstance(self._link, LinkResponder):
            self._pump(self._link.accept())

    def send(self, kind: RecordKind, body: bytes) -> None:
        """Queue a record; all that one turn of the loop queues goes out in one write."""
        self._queued.append((kind, body))
        if not self._flush_is_due:
            self._flush_is_due = True
            asyncio.get_running_loop().call_soon(self._flush)

    def pause_reading(self) -> None:
        """The inbox is full."""
        if self._stream is not None and self._link is not None and not self._paused:
            self._paused = True
            self._stream.pause_reading()
            self._link.pause_receiving()

    def resume_reading(self) -> None:
        """There is room again."""
        if self._stream is not None and self._link is not None and self._paused:
            self._paused = False
            self._link.resume_receiving(self._clock.monotonic_s())
            self._stream.resume_reading()

    def close(self) -> None:
        """End it once all that was queued is flushed, or was not for some seconds."""
        self._flush()
        if self._stream is not None:
            self._stream.close()
            asyncio.get_running_loop().call_later(FLUSH_TIMEOUT_S, self.abort)

    def abort(self) -> None:
        """End it now."""
        if self._stream is not None:
            self._stream.abort()

    # --- inside ---

    def _flush(self) -> None:
        self._flush_is_due = False
        queued, self._queued = self._queued, []
        if queued and self._link is not None and self._link.is_open:
            self._link.send_records(queued, self._clock.monotonic_s())
            self._pump([])

    def _pump(self, events: list[LinkEvent]) -> None:
        """Write what the link has to say, tell the owner, and set the next alarm."""
        if self._link is None or self._stream is None:
            return
        if data := self._link.data_to_send():
            self._stream.write(data)
        records: list[RecordReceived] = []
        for event in events:
            match event:
                case RecordReceived():
                    records.append(event)
                case LinkAuthenticated():
                    self._owner.authenticated(self, event)
                case LinkConfirmed():
                    self._owner.confirmed(self)
                case LinkClosed(reason=reason):
                    self.reason = reason
        if records:
            self._owner.records_received(self, records)
        if self.reason is not None and self._stream is not None:
            # A refusal and a time-out look alike from outside: the stream just ends.
            before_open = self.reason in (CloseReason.REFUSED, CloseReason.HANDSHAKE_TIMEOUT)
            self._stream.close() if before_open else self._stream.abort()
            return
        self._set_alarm()

    def _set_alarm(self) -> None:
        due_s = None if self._link is None else self._link.next_timeout_s()
        if due_s is None:
            return
        # An alarm that rings too early is set again then; only a later one must be moved.
        if self._timer is not None:
            if self._due_s <= due_s:
                return
            self._timer.cancel()
        self._due_s = due_s
        delay_s = max(0.0, due_s - self._clock.monotonic_s())
        self._timer = asyncio.get_running_loop().call_later(delay_s, self._alarm)

    def _alarm(self) -> None:
        self._timer = None
        if self._link is not None:
            self._pump(self._link.handle_timeout(self._clock.monotonic_s()))
