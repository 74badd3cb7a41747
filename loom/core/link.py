"""One authenticated, encrypted connection, without I/O (PROTOCOL.md 3 and 10.2).

    initiator            responder
    clear, message 1 ->  the gate, then LinkAuthenticated: the driver stores `rand` and calls accept
    LinkConfirmed    <-  message 2
    empty record     ->  LinkConfirmed: only now is anybody there
    records         <->  records

A driver passes on what arrives (`receive_data`), what time it is (`handle_timeout`, not before
`next_timeout_s`), and after each call writes `data_to_send`. All times are seconds of one
monotonic clock. After `LinkClosed` it closes the connection; nothing more comes out of the link.
"""

from collections.abc import Iterable

from loom.core.link_events import (
    CloseReason,
    LinkClosed,
    LinkConfirmed,
    LinkEvent,
    RecordReceived,
)
from loom.core.link_kinds import LinkKind, OpeningTimes
from loom.core.link_states import LinkState, LinkStep, after
from loom.core.noise import Handshake
from loom.core.records import Records
from loom.errors import PeerError, ProtocolViolation, UsageError
from loom.wire.framing import (
    FRAME_HEADER_BYTES,
    RECORD_FRAME_SIZES,
    RecordKind,
    frame_size,
)
from loom.wire.limits import (
    IDLE_TIMEOUT_S,
    KEEPALIVE_S,
    LINK_MAX_AGE_S,
    RECORD_GRACE_S,
    RECORD_MIN_BYTES_PER_S,
)


class Link:
    """What both ends share: records, timers, closing. Use `LinkInitiator` or `LinkResponder`."""

    def __init__(
        self,
        state: LinkState,
        kind: LinkKind,
        times: OpeningTimes,
        now_s: float,
        rekey_after: int,
    ) -> None:
        self._state = state
        self._kind = kind
        self._times = times
        self._rekey_after = rekey_after
        self._handshake: Handshake | None = None
        self._records: Records | None = None
        self._incoming = bytearray()
        self._outgoing: list[bytes] = []
        self._started_s = self._confirmed_s = now_s
        self._sent_s = self._received_s = self._record_started_s = now_s
        self._receiving_is_paused = False

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._state.name})"

    @property
    def is_open(self) -> bool:
        """Both sides are authenticated and present: records may be sent."""
        return self._state is LinkState.OPEN

    @property
    def is_closed(self) -> bool:
        """Nothing goes in or out any more."""
        return self._state is LinkState.CLOSED

    def data_to_send(self) -> bytes:
        """Everything to write now."""
        data = b"".join(self._outgoing)
        self._outgoing.clear()
        return data

    def send_record(self, kind: RecordKind, body: bytes, now_s: float) -> None:
        """Queue one record.

        Raises:
            UsageError: the link is not open.
            InvalidInput: a body above 61,501 bytes.
        """
        self.send_records([(kind, body)], now_s)

    def send_records(self, records: Iterable[tuple[RecordKind, bytes]], now_s: float) -> None:
        """Queue many records; errors as `send_record`."""
        if self._records is None or self._state is not LinkState.OPEN:
            raise UsageError
        self._sent_s = now_s
        seal = self._records.seal
        self._outgoing += [seal(kind, body) for kind, body in records]

    def receive_data(self, data: bytes, now_s: float) -> list[LinkEvent]:
        """Take in bytes as they came, cut anywhere."""
        events: list[LinkEvent] = []
        self._received_s = now_s
        try:
            if self._state is LinkState.OPEN:
                self._receive_records(data, events, now_s)
            elif self._state is not LinkState.CLOSED:
                self._receive_handshake(data, events, now_s)
        except PeerError as error:
            events.append(self._close(CloseReason.BROKEN, str(error)))
        return events

    def pause_receiving(self) -> None:
        """The driver stops reading: silence is now its own doing."""
        self._receiving_is_paused = True

    def resume_receiving(self, now_s: float) -> None:
        """The driver reads again."""
        self._receiving_is_paused = False
        self._received_s = self._record_started_s = now_s

    def next_timeout_s(self) -> float | None:
        """When `handle_timeout` is due; None after the end."""
        if self._state is LinkState.CLOSED:
            return None
        deadline_s, _ = self._deadline()
        return min(deadline_s, self._sent_s + KEEPALIVE_S) if self.is_open else deadline_s

    def handle_timeout(self, now_s: float) -> list[LinkEvent]:
        """Do what is due: end what is late, keep alive what is quiet."""
        if self._state is LinkState.CLOSED:
            return []
        deadline_s, reason = self._deadline()
        if now_s >= deadline_s:
            return [self._close(reason)]
        if self.is_open and now_s >= self._sent_s + KEEPALIVE_S:
            self.send_record(RecordKind.KEEPALIVE, b"", now_s)
        return []

    # --- for the two ends ---

    def _receive_handshake(self, data: bytes, events: list[LinkEvent], now_s: float) -> None:
        raise NotImplementedError

    def _move(self, step: LinkStep) -> None:
        self._state = after(self._state, step)

    def _begin_records(self, handshake: Handshake) -> None:
        self._records = Records(*handshake.split(), self._rekey_after)
        self._handshake = None  # its secrets go with it: recorded traffic stays closed

    def _open(self, events: list[LinkEvent], now_s: float) -> None:
        self._move(LinkStep.CONFIRMED)
        self._confirmed_s = self._sent_s = self._record_started_s = now_s
        events.append(LinkConfirmed())

    def _close(self, reason: CloseReason, what: str = "") -> LinkClosed:
        self._move(LinkStep.ENDED)
        self._handshake = self._records = None
        self._incoming.clear()
        self._outgoing.clear()
        return LinkClosed(reason, what)

    def _take(self, size: int) -> bytes:
        taken = bytes(self._incoming[:size])
        del self._incoming[:size]
        return taken

    def _take_frame(self, size: int) -> bytes:
        """The next frame, which must have this size; empty while it is not whole."""
        if len(self._incoming) < FRAME_HEADER_BYTES:
            return b""
        if frame_size(self._incoming, 0) != size:
            raise ProtocolViolation(what="length of a handshake frame")
        if len(self._incoming) < FRAME_HEADER_BYTES + size:
            return b""
        return self._take(FRAME_HEADER_BYTES + size)[FRAME_HEADER_BYTES:]

    def _receive_records(self, data: bytes, events: list[LinkEvent], now_s: float) -> None:
        position, view = 0, memoryview(data)
        if self._incoming:
            position = self._go_on(view)
            if self._missing_bytes():
                return
            self._receive_record(memoryview(bytes(self._incoming))[FRAME_HEADER_BYTES:], events)
            self._incoming.clear()
        self._record_started_s = now_s
        while len(view) - position >= FRAME_HEADER_BYTES:
            start = position + FRAME_HEADER_BYTES
            end = start + _record_size(data, position)
            if end > len(view):
                break
            self._receive_record(view[start:end], events)
            position = end
        self._incoming += view[position:]

    def _go_on(self, view: memoryview) -> int:
        """Take in what the record that has begun still lacks; how many bytes these were."""
        taken = 0
        while taken < len(view) and (missing := self._missing_bytes()):
            more = view[taken : taken + missing]
            self._incoming += more
            taken += len(more)
        return taken

    def _missing_bytes(self) -> int:
        """Of the length of the record that has begun, or then of the record."""
        come = len(self._incoming)
        if come < FRAME_HEADER_BYTES:
            return FRAME_HEADER_BYTES - come
        return FRAME_HEADER_BYTES + _record_size(self._incoming, 0) - come

    def _receive_record(self, ciphertext: memoryview, events: list[LinkEvent]) -> None:
        if self._records is None:
            raise UsageError
        kind, body = self._records.open_(ciphertext)
        if kind not in self._kind.record_kinds:
            raise ProtocolViolation(what="record of another kind of link")
        if kind is not RecordKind.KEEPALIVE:
            events.append(RecordReceived(kind, body))

    # --- time ---

    def _deadline(self) -> tuple[float, CloseReason]:
        """When the link ends if nothing else happens, and why."""
        if self._state is LinkState.CLEAR:
            return self._started_s + self._times.clear_s, CloseReason.HANDSHAKE_TIMEOUT
        if self._state is not LinkState.OPEN:
            late = self._started_s + self._times.handshake_s
            refused = self._state is LinkState.DISCARDING
            return late, CloseReason.REFUSED if refused else CloseReason.HANDSHAKE_TIMEOUT
        deadlines = [(self._confirmed_s + LINK_MAX_AGE_S, CloseReason.AGED)]
        if not self._receiving_is_paused:
            deadlines.append((self._received_s + IDLE_TIMEOUT_S, CloseReason.IDLE))
            if self._incoming:
                deadlines.append((self._record_deadline_s(), CloseReason.SLOW))
        return min(deadlines)

    def _record_deadline_s(self) -> float:
        has_size = len(self._incoming) >= FRAME_HEADER_BYTES
        size = frame_size(self._incoming, 0) if has_size else 0
        return self._record_started_s + RECORD_GRACE_S + size / RECORD_MIN_BYTES_PER_S


def _record_size(buffer: bytes | bytearray, position: int) -> int:
    size = frame_size(buffer, position)
    if size not in RECORD_FRAME_SIZES:
        raise ProtocolViolation(what="record length")
    return size
