"""One end of a link under fuzzing, and a far end that holds the right keys."""

from typing import Final

from fuzz.draw import Draw
from loom.core.link import Link
from loom.core.link_events import LinkClosed, LinkEvent, RecordReceived
from loom.errors import PeerError
from loom.wire.framing import RecordKind, encode_frame, pad_record, unpad_record
from loom.wire.limits import RECORD_BUCKETS

BUFFERED_MAX: Final = 2 + RECORD_BUCKETS[-1] + 16
_PIECES = (1 << 20, 1, 7, 41, 1_000)


class Listener:
    """Feeds a link in pieces, and holds it to what every link promises."""

    def __init__(self, link: Link, draw: Draw) -> None:
        self.link = link
        self.events: list[LinkEvent] = []
        self._piece = draw.choice(_PIECES)

    @property
    def bodies(self) -> list[bytes]:
        """What was reported to have come."""
        return [event.body for event in self.events if isinstance(event, RecordReceived)]

    def hear(self, data: bytes) -> None:
        """All of `data`, in pieces."""
        for at in range(0, len(data), self._piece):
            piece = data[at : at + self._piece]
            closed_before = self.link.is_closed
            events = self.link.receive_data(piece, 0.0)
            assert not (closed_before and events)
            assert len(self.link._incoming) <= BUFFERED_MAX
            self.events += events
        if self.link.is_closed:
            assert isinstance(self.events[-1], LinkClosed) or not self.events
            assert self.link.next_timeout_s() is None
            assert not self.link.is_open
        assert sum(isinstance(event, LinkClosed) for event in self.events) <= 1

    def answer(self) -> bytes:
        """What the link has to say."""
        return self.link.data_to_send()


def hostile_records(sender: Link, listener: Listener, draw: Draw) -> None:
    """Records sealed with the right keys over any plaintext, or with a few bytes changed after.

    Each allowed one is reported, in order; the first other one ends the link.
    """
    while not draw.is_over and not listener.link.is_closed:
        assert sender._records is not None
        reported = listener.bodies
        tampered = draw.flag()
        plaintext = _plaintext(draw)
        frame = encode_frame(sender._records._sending.encrypt(plaintext))
        sent = draw.edited(frame) if tampered else frame
        more = _reported(plaintext)
        listener.hear(sent)
        if sent.startswith(frame):
            assert listener.bodies == reported + (more or [])
        else:
            assert listener.bodies == reported
        if sent != frame:
            return
        assert listener.link.is_closed is (more is None)


def _plaintext(draw: Draw) -> bytes:
    plaintext = pad_record(draw.number(6), draw.some() * draw.choice((1, 20, 200)))
    if draw.flag():
        plaintext = draw.edited(plaintext)
    return plaintext[: RECORD_BUCKETS[-1]]


def _reported(plaintext: bytes) -> list[bytes] | None:
    """The bodies that must be reported of a record; None: it ends the link."""
    if len(plaintext) not in RECORD_BUCKETS:
        return None
    try:
        kind, body = unpad_record(plaintext)
    except PeerError:
        return None
    return [] if kind is RecordKind.KEEPALIVE else [body]
