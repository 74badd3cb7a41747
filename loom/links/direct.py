"""A link over a stream: bytes, time and back-pressure between a `Stream` and a `Link`."""

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
from loom.wire.limits import WRITE_BEYOND_MAX_BYTES

FLUSH_TIMEOUT_S: Final = 5.0
"""How long a closing link may flush when the other side does not read."""


class Opening(Protocol):
    """Called until a link is confirmed and handed over; always from the event loop."""

    def authenticated(self, link: "DirectLink", event: LinkAuthenticated) -> None:
        """An incoming link's initiator proved the link key."""
        ...

    def confirmed(self, link: "DirectLink") -> None:
        """The contact is at the other end: hand the link over, or abort it."""
        ...

    def closed(self, link: "DirectLink", reason: CloseReason | None) -> None:
        """It ended before it was handed over; None: by the other side or the network."""
        ...


class Owner(Protocol):
    """Called once a link was handed over; always from the event loop."""

    def records_received(self, link: "DirectLink", records: list[RecordReceived]) -> None:
        """Some records, in order."""
        ...

    def writable_again(self, link: "DirectLink") -> None:
        """The send buffer drained."""
        ...

    def link_closed(self, link: "DirectLink", reason: CloseReason | None) -> None:
        """Called once; None: the other side or the network ended it."""
        ...


class DirectLink:
    """A `StreamHandler`, and a `Route` once it is confirmed. `dialled`: this side dialled.

    Many methods, because it is both: those of its stream, and those of who writes to it.
    """

    def __init__(
        self, opening: Opening, clock: Clock, make_link: Callable[[], Link], *, dialled: bool
    ) -> None:
        self.dialled = dialled
        self.rand = b""
        """Of an incoming link, once it is authenticated: the 16 bytes with which it began."""
        self.takes_parts = True
        """Nothing waits: a part of a file may be sent."""
        self._beyond_bytes = 0
        self.reason: CloseReason | None = None
        self.opened_at_s = clock.monotonic_s()
        self._opening = opening
        self._owner: Owner | None = None
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
        return f"DirectLink({self._link!r})"

    @property
    def is_up(self) -> bool:
        """Records may be sent."""
        return self._link is not None and self._link.is_open

    @property
    def is_writable(self) -> bool:
        """Envelopes may be sent: what waits are parts of files, or few envelopes."""
        return self.takes_parts or self._beyond_bytes < WRITE_BEYOND_MAX_BYTES

    @property
    def remote(self) -> Address | None:
        """The other end's address."""
        return None if self._stream is None else self._stream.remote

    # --- from the transport ---

    def connected(self, stream: Stream) -> None:
        """The stream is open: the initiator speaks first."""
        self._stream = stream
        self._link = self._make_link()
        self._pump([])

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        if self._link is not None and not self._link.is_closed:
            self._pump(self._link.receive_data(data, self._clock.monotonic_s()))

    def writable(self, ready: bool) -> None:
        """The transport's buffer is full, or drained."""
        self.takes_parts, self._beyond_bytes = ready, 0
        if ready and self._owner is not None:
            self._owner.writable_again(self)

    def closed(self) -> None:
        """The stream is gone."""
        if self._timer is not None:
            self._timer.cancel()
        self._stream = None
        self._link = None
        if self._owner is None:
            self._opening.closed(self, self.reason)
        else:
            self._owner.link_closed(self, self.reason)

    # --- from its opening and its owner ---

    def accept(self) -> None:
        """Go on with an authenticated initiator: its `rand` is stored."""
        if isinstance(self._link, LinkResponder):
            self._pump(self._link.accept())

    def hand_over(self, owner: Owner) -> None:
        """Give a confirmed link to its owner."""
        self._owner = owner

    def send(self, envelope: bytes) -> bool:
        """See `Route.send`."""
        if not self.is_up:
            return False
        self.send_record(RecordKind.ENVELOPE, envelope)
        return True

    def send_record(self, kind: RecordKind, body: bytes) -> None:
        """Queue a record; all that one turn of the loop queues goes out in one write."""
        self._queued.append((kind, body))
        if not self._flush_is_due:
            self._flush_is_due = True
            asyncio.get_running_loop().call_soon(self._flush)

    def send_at_once(self, kind: RecordKind, body: bytes) -> None:
        """The same, written before it returns: `is_writable` says then whether there is room."""
        self._queued.append((kind, body))
        self._flush()

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
        """End it once everything queued is flushed, at the latest after FLUSH_TIMEOUT_S."""
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
            if not self.takes_parts:
                self._beyond_bytes += sum(len(body) for _, body in queued)
            self._link.send_records(queued, self._clock.monotonic_s())
            self._pump([])

    def _pump(self, events: list[LinkEvent]) -> None:
        """Write what the link has to send, pass its events on, and set the next alarm."""
        if self._link is None or self._stream is None:
            return
        if data := self._link.data_to_send():
            self._stream.write(data)
        records: list[RecordReceived] = []
        for event in events:
            match event:
                case RecordReceived():
                    records.append(event)
                case LinkAuthenticated(rand=rand):
                    self.rand = rand
                    self._opening.authenticated(self, event)
                case LinkConfirmed():
                    self._opening.confirmed(self)
                case LinkClosed(reason=reason):
                    self.reason = reason
        if records and self._owner is not None:
            self._owner.records_received(self, records)
        if self.reason is not None and self._stream is not None:
            # A refusal and a timeout look alike from outside: the stream just ends.
            before_open = self.reason in (CloseReason.REFUSED, CloseReason.HANDSHAKE_TIMEOUT)
            self._stream.close() if before_open else self._stream.abort()
            return
        self._set_alarm()

    def _set_alarm(self) -> None:
        due_s = None if self._link is None else self._link.next_timeout_s()
        if due_s is None:
            return
        # An alarm that fires too early sets the next one; only a later one has to be moved.
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
